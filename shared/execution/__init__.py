"""The supervisor: one child process for each run, watched, renewed, told to stop, and never left behind."""
