"""Benchmarks. Each prints its figures with their conditions and its bars, which are the values to reach.

Start one with `python -m benchmarks.NAME [--json]`: chunks, engine, long_documents, monitoring, pipeline, reliability,
scheduled_week, schedules, startup, structured, submit. The other modules are their parts. A benchmark exits with 1 if
it misses a bar. Machines differ from each other and from day to day, so compare only figures of one measurement.
"""
