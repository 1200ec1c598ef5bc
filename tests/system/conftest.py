"""Fixtures of the tests with real workers and a real server."""

from __future__ import annotations

from tests.fleet import fleet, url

__all__ = ["fleet", "url"]
