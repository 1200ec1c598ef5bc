"""How processes of this package start and end. Standard library only: some of them must start quickly."""
