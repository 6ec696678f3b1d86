"""Notices of runs and jobs that have ended: to webhooks, Slack, Teams, and by mail."""
