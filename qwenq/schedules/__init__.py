"""Schedules: jobs that are submitted by the clock, unattended, and their answers delivered.

    tick ─▶ due times become runs ─▶ a run is submitted as a job ─▶ the job ends ─▶ its answers are delivered
            due.py                   job_of_run.py                                  delivering.py, notices.py

A tick does whatever there is to do and ends. The store keeps several of them apart: a row for each due time, and a
lease with a fence for the run that one of them is at. So any number of beats, and any crash of one, does no harm.
"""
