"""The command line: short commands, actions that do the work, views that show plain data."""
