"""Used by training and by evaluation: environments, the policy, and its checkpoint."""
