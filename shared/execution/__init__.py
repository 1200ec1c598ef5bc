"""The supervisor: starts one child process for each run, watches it, renews its lease, stops it, leaves none behind."""
