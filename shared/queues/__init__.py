"""The only door to Celery: notifications, and what keeps a worker alive. A message decides nothing."""
