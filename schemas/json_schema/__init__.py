"""What a JSON schema says: its parts, the grammar it makes, the columns it fills."""
