"""`python -m sweepctl`."""

from sweepctl.main import app

app()
