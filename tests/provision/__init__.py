"""What the tests need from outside Python: a real PostgreSQL and a real browser, found or installed."""
