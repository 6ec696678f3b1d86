"""The parent process of a worker: Celery's consumer, the heartbeat, rescue, and stopping in time."""
