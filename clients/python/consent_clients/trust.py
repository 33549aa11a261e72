"""Whom TLS trusts: the authorities that the environment names, else certifi's, as httpx finds them."""

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """Read once in a process: it takes longer than most calls, and a program may have a client for each person."""
    return httpx.create_ssl_context()
