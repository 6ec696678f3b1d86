"""The working process: its model stays resident, and each of its turns answers chunks until none waits."""
