"""The console script `sweepctl`. It starts in this package, since a user may have a package called `sweepctl`."""

from __future__ import annotations

from importlib import import_module

from protein_sweeps._packages import pin


def main() -> None:
    """Run `sweepctl` with our packages, independent of PYTHONPATH."""
    pin()
    import_module("sweepctl.main").app()
