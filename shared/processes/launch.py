"""Runs a module of this package as a program: `python -P PATH/launch.py MODULE ARGUMENTS ...`.

`python -m MODULE` searches the current folder and PYTHONPATH first, where a user may have packages called `shared` or
`services`. This file is found by its path, and pins our packages before it imports any of them.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).parents[2] / "protein_sweeps" / "_packages.py"))["pin"]()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
