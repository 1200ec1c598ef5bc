"""Write a report to a file."""

from __future__ import annotations

from pathlib import Path

from plotly.offline import get_plotlyjs

from shared.control.write import write_output
from sweepctl.report.material import Material
from sweepctl.report.page import page


def write_report(material: Material, path: Path) -> int:
    """Write the page and return its size in bytes. Raises ConfigError for a path that cannot be written."""
    text = page(material, plotly=get_plotlyjs())
    write_output(text, path)
    return len(text.encode())
