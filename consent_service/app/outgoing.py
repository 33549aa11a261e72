"""The HTTP client for everything that goes out: issuers' keys, logging in, Digipost.

Rules: no redirect is followed, no proxy or certificate bundle is taken from the environment's variables, and every
call has a time-out, so that nobody outside decides where we go or how long we wait.
"""

import ssl
from functools import cache

import httpx

Outgoing = httpx.AsyncClient

_SECONDS = 10.0


@cache
def _authorities() -> ssl.SSLContext:
    """Whom we trust, read once in a process: that takes longer than most calls."""
    return httpx.create_ssl_context(trust_env=False)


def outgoing() -> Outgoing:
    """A client for the process's lifetime. The caller closes it."""
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=20)
    return httpx.AsyncClient(
        verify=_authorities(), timeout=_SECONDS, limits=limits, follow_redirects=False, trust_env=False
    )
