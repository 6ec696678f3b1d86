"""From a row to the messages that the model sees: templates, rendered in a sandbox."""
