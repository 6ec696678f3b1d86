"""Writes of outcomes: answers, failures, answers to parts, measurements."""
