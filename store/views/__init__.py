"""Reads only: what waits, jobs, answers, the fleet, monitoring, schedules."""
