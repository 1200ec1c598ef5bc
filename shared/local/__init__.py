"""The processes of one machine: the private store, the workers, the stack in the background, helper processes."""
