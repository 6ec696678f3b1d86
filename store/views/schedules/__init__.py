"""Schedules, their runs, and notices to webhooks."""
