"""The committed contract is the application's: nobody changes one without the other."""

from __future__ import annotations

from pathlib import Path

import orjson

from consent_service.app.contract import document

COMMITTED = Path(__file__).parents[2] / "openapi" / "openapi.json"


def test_the_committed_contract_is_the_applications() -> None:
    """After a change that is meant, ``consent-service openapi openapi/openapi.json`` writes what is committed."""
    assert orjson.loads(COMMITTED.read_bytes()) == orjson.loads(orjson.dumps(document()))
