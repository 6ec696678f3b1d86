"""The parent process of a worker: Celery's consumer, heartbeat, rescue, a stop in good time."""
