"""Real workers against a real server: what every test here starts from."""

from __future__ import annotations

from tests.fleet import fleet, url

__all__ = ["fleet", "url"]
