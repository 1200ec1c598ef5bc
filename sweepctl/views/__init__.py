"""How plain data looks on a terminal."""
