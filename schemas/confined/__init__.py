"""Runs code over foreign bytes in a child process that can be killed: with limits, and without secrets."""
