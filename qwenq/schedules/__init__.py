"""Schedules: jobs that the clock submits, and their answers, delivered into files.

    tick ─▶ due times become runs ─▶ a run is submitted as a job ─▶ the job ends ─▶ its answers are delivered
            due.py                   job_of_run.py                                  delivering.py

A tick (ticking.py) does whatever there is to do, then ends. The store keeps several ticks apart, by a row for each due
time, and by a lease with a fence for each run that a tick advances. So any number of beats may run or crash.
"""
