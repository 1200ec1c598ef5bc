"""The report of a sweep: one page with pictures. Numbers are prepared apart from how they are drawn."""
