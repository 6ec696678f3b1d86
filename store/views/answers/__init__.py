"""What a job gives: answers, failures, parts."""
