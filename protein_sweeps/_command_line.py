"""The console script `sweepctl`. It starts in this package, since a user may have a package called `sweepctl`."""

from __future__ import annotations

from importlib import import_module

from protein_sweeps._packages import pin


def main() -> None:
    """Run the command that was typed, with our packages, whatever PYTHONPATH holds."""
    pin()
    import_module("sweepctl.main").app()
