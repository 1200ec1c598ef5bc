"""What a sweep leaves on disk: its folder, the runs' folders, their checkpoints."""
