"""The only door to Celery: doorbells, and what keeps a worker alive. A message decides nothing."""
