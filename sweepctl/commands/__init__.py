"""The commands, each ten lines: read the arguments, call an action, show what it returns."""
