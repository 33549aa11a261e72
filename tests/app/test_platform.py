"""What the platform asks, and what runs beside the requests."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

import consent_service
from consent_service.app.logs import FIELDS
from consent_service.app.metrics import Metrics
from consent_service.app.platform import platform_app
from consent_service.clock import SystemClock
from consent_service.crypto.keyring import LocalKeyring
from consent_service.storage.engine import Database
from consent_service.vault.keys import create_service_keys, open_keys
from tests.support.house import House
from tests.support.house import house as running_house

BOUND = {"info", "warning", "error", "exception", "debug", "critical", "log", "bind"}


@pytest.fixture
async def platform(db: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The platform's application."""
    transport = httpx.ASGITransport(platform_app(db, Metrics()))
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
        yield client


async def test_ready_needs_the_database_and_its_keys(platform: httpx.AsyncClient, db: Database) -> None:
    """A process without keys, or without a database, is alive and not ready."""
    assert (await platform.get("/isalive")).status_code == 200
    assert (await platform.get("/isready")).status_code == 503
    provider = LocalKeyring({1: bytes(32)})
    await create_service_keys(db, provider)
    await open_keys(db, provider, SystemClock())
    assert (await platform.get("/isready")).text == "ready"


async def test_metrics_name_routes_not_calls(migrated_url: str, tmp_path: Path) -> None:
    """What is counted is counted by route: no id, number or address of a call is a label."""
    async with running_house(migrated_url, tmp_path) as house:
        await _some_calls(house)
        transport = httpx.ASGITransport(platform_app(house.service.db, house.service.metrics))
        async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
            told = (await client.get("/metrics")).text
    assert 'consent_http_answers_total{method="GET",route="/v1/consents/{consent_id}",status="401"} 1.0' in told
    assert 'route="(none)"' in told
    assert "21879498012" not in told
    assert "6a1d5dd0" not in told


async def _some_calls(house: House) -> None:
    await house.http.get("/v1/consents/6a1d5dd0-3c0c-4d4b-8f0e-0d5c7f7a9e02")
    await house.http.get("/nowhere/21879498012")


def _log_calls() -> Iterator[tuple[str, set[str]]]:
    for path in Path(consent_service.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in BOUND and isinstance(node.func.value, ast.Name) and node.func.value.id == "_log":
                yield f"{path.name}:{node.lineno}", {word.arg for word in node.keywords if word.arg}


def test_every_field_that_is_logged_is_written() -> None:
    """No line names a field that the log would drop: a field is added to the list, with a thought, or not used."""
    dropped = {place: fields - FIELDS - {"exc_info"} for place, fields in _log_calls()}
    assert {place: fields for place, fields in dropped.items() if fields} == {}
