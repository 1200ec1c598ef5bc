"""What the three services and sweepctl share, on floors that import only downwards."""
