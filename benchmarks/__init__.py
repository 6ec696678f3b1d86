"""Benchmarks, each with its bars and its conditions beside the figures.

Run one as `python -m benchmarks.NAME [--json]`: `submitting`, `pipeline`, `reliability`, `startup`, `engine`. Exit code
1 means that a bar was missed. Machines differ, and so do their moods: compare figures of one run with each other.
"""
