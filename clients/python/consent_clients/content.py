"""What was shown, hashed as the service hashes it: RFC 8785 canonical JSON, then SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from consent_clients.problems import ProofBroken


def check_hash(content: Mapping[str, Any], sha256: str) -> None:
    """Raises `ProofBroken` unless `sha256` is that of `content`.

    Contents hold texts, integers, lists and objects with ASCII names only; for those Python's sorted, unspaced
    JSON is RFC 8785's form.
    """
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if hashlib.sha256(canonical.encode()).hexdigest() != sha256:
        raise ProofBroken("the content is not what its hash says")
