"""What people do with jobs: submit, change, follow, rescue, prune."""
