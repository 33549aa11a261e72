"""Random values that a browser keeps for us: 256 bits, known to us by their hash alone."""

import hashlib
import os
import re

from consent_service.identity.compact import base64url_encode

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


def new_value() -> str:
    """A fresh value: 43 characters of base64url, so that no encoding on its way changes it."""
    return base64url_encode(os.urandom(32))


def is_value(text: str) -> bool:
    """Whether ``text`` has the form of one; what has not is not looked up."""
    return _VALUE.fullmatch(text) is not None


def hash_of(value: str) -> bytes:
    """What the database holds in place of the value. A fast hash is enough: nobody guesses 256 bits."""
    return hashlib.sha256(value.encode("ascii")).digest()
