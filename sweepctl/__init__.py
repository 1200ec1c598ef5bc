"""The command line: short commands, views that show plain data, and the report."""

from protein_sweeps._packages import pin

pin()  # `python -m sweepctl` has the current folder first on its path, where a user may have packages of our names
