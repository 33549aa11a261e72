"""The addresses of our own pages that a login or a change of language may lead back to."""

import re
from typing import Final

NUMBERS: Final = "/numbers"
LINK: Final = "/numbers/link"
"""Where a login anew comes back to: with the number that she has had, and with the one that she has now."""

_ID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

RETURN_PATHS: Final = re.compile(
    rf"/|/(?:overview|claim|welcome|share|log|plans|rights|mapping|consents|blocks)"
    rf"|/numbers(?:/link)?"
    rf"|/(?:drafts|notes|requests|consents|plans)/{_ID}(?:/(?:edit|delete|revoke|choose))?"
    rf"|/notes/new|/rights/erase|/logged-out"
)


def ours(path: str, *, otherwise: str) -> str:
    """``path`` if it is one of our pages, else ``otherwise``: nobody is led to another site from here."""
    return path if RETURN_PATHS.fullmatch(path) else otherwise
