"""The tests: unit, integration, acceptance and chaos, mirrored by room."""
