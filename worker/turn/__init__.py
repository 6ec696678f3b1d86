"""The working process: its model stays resident, and each turn answers chunks until none waits."""
