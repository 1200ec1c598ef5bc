"""The files of sweeps: their folders, the folders of runs, checkpoints, logs."""
