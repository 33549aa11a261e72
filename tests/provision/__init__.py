"""What the tests need from outside Python: a real PostgreSQL, key service and browser, found or installed."""
