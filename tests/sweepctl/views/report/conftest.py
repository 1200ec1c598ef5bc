"""A browser to look at reports with."""

from __future__ import annotations

from tests.browser import browser

__all__ = ["browser"]
