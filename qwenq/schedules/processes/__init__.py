"""Processes for the steps of runs: one that reads or writes may be slow, hang or die, without hurting other runs.

steps.py ─▶ step_process.py ─▶ child.py
lanes.py says who may run: quick steps have places of their own, slower ones share others
"""
