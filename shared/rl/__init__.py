"""What training and evaluation both need: environments, the policy, and its checkpoint."""
