"""Schedules, their runs, and the notices of these."""
