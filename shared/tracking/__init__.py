"""The only code that talks to Weights & Biases."""
