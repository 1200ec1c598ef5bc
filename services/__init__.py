"""The three services. They meet in queues and in the store, never in code."""
