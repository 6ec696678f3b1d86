"""What a person does with a job: submit, change, follow, prune."""
