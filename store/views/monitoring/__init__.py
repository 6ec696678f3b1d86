"""The whole store at one moment: gauges, batches, facts for health checks."""
