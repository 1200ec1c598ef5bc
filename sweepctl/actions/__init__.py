"""What the commands do. Nothing here prints."""
