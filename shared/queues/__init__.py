"""The only code that uses Celery: notifications, and the life of a worker. A message decides nothing."""
