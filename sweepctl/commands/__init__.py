"""The commands: each reads its arguments, calls one operation of control or local, and prints one view."""
