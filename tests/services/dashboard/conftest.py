"""A browser to look at the dashboard with."""

from __future__ import annotations

from tests.browser import browser

__all__ = ["browser"]
