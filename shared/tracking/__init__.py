"""The only door to Weights & Biases."""
