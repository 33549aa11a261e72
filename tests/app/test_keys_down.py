"""The service while its key service is away: what needs keys answers 503, and what ends things goes on.

The key service is a real one, and is really killed, sealed and paused; the service is asked through its doors.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from consent_service.app.migrations.tables import metadata
from consent_service.clock import MINUTE, SECOND
from consent_service.identity.units import UnitKind
from consent_service.rights.journal import JournalFile
from consent_service.storage.engine import Statement
from tests.provision.openbao import MOUNT, OpenBao
from tests.support.house import House, fresh_key
from tests.support.house import house as running_house

KARI, OLA = "21879498012", "20914695016"
NOTE = {"language": "nb", "sections": {"interests": "Motorer", "strengths": "Tålmodig"}, "questions": []}
PATIENCE = 20.0

# What is left behind by a call that was refused for want of keys: the log and its numbering move on by themselves.
_TABLES = sorted(set(metadata().tables) - {"chain", "entry", "entry_detail", "lease", "node", "pending_leaf"})
_COUNTS = {table: Statement(f"SELECT COUNT(*) FROM {table}") for table in _TABLES if not table.startswith("checkpoint")}


@dataclass
class Away:
    """A house with a key service that can be taken away, and what was in it before."""

    house: House
    bao: OpenBao
    note: dict[str, Any] = field(default_factory=dict)
    consents: list[str] = field(default_factory=list)
    request: str = ""

    async def fill(self) -> None:
        """Kari has a note, lets NAV read it three times over, and is asked for more."""
        house = self.house
        self.note = await house.own_note(KARI, NOTE)
        self.consents = [(await house.share(KARI, self.note, "interests"))["id"] for _ in range(3)]
        nav = {**await house.as_unit(UnitKind.NAV), **fresh_key()}
        asked = await house.http.post(
            "/v1/consent-requests",
            json={
                "national_id": KARI,
                "purpose": "guidance_follow_up",
                "part_kinds": ["note.strengths"],
                "message": "Vi vil gjerne vite mer.",
                "reply_by": house.day(20),
            },
            headers=nav,
        )
        assert asked.status_code == 201, asked.text
        self.request = asked.json()["id"]
        await self.kari("GET", "/v1/me/consents")  # she comes, and it is hers
        house.clock.advance(seconds=10 * MINUTE / SECOND)  # no key is in memory any more

    async def kari(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Kari calls."""
        headers = {**await self.house.as_person(KARI), **more.pop("headers", {})}
        return await self.house.http.request(method, path, headers=headers, **more)

    async def counts(self) -> dict[str, int]:
        """How much lies in each table."""
        async with self.house.service.db.snapshot() as view:
            return {table: await view.value(statement) for table, statement in _COUNTS.items()}

    async def released(self, consent_id: str) -> bool:
        """Whether NAV comes to be answered, in a while."""
        deadline = time.monotonic() + PATIENCE
        while (answer := await self.house.release(consent_id)).status_code == 503:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        return answer.status_code == 200

    async def who_need_keys(self) -> list[httpx.Response]:
        """The answers to calls that open or seal something, hers, a newcomer's and NAV's."""
        house, preview = (
            self.house,
            {
                "purpose": "guidance_follow_up",
                "recipient_id": self.house.unit(UnitKind.NAV).id,
                "parts": [{"resource": "note", "resource_id": self.note["id"], "version": 1, "part": "strengths"}],
                "valid_until": self.house.day(30),
            },
        )
        ola = await house.as_person(OLA)
        return [
            await house.release(self.consents[0]),
            await self.kari("GET", f"/v1/me/notes/{self.note['id']}"),
            await self.kari("POST", "/v1/me/notes", json=NOTE),
            await self.kari("PUT", f"/v1/me/notes/{self.note['id']}", json=NOTE, headers={"If-Match": '"1"'}),
            await self.kari("POST", "/v1/me/consents/preview", json=preview),
            await self.kari("POST", "/v1/me/consents", json={**preview, "preview_sha256": "0" * 64}),
            await self.kari("GET", "/v1/me/export"),
            await house.http.put("/v1/me", json={"name": "Ola Testvik"}, headers=ola),
            await house.http.post("/v1/me/notes", json=NOTE, headers=ola),
        ]


@pytest.fixture
async def away(migrated_url: str, tmp_path: Path, openbao_server: OpenBao) -> AsyncIterator[Away]:
    """A running service whose keys lie in the key service."""
    key, token = f"key-{uuid4()}", tmp_path / "token"
    openbao_server.make_key(key)
    token.write_text(openbao_server.token(key))
    settings = {
        "CONSENT_KEY_PROVIDER": "transit",
        "CONSENT_TRANSIT_URL": openbao_server.url,
        "CONSENT_TRANSIT_MOUNT": MOUNT,
        "CONSENT_TRANSIT_KEY": key,
        "CONSENT_TRANSIT_TOKEN_FILE": str(token),
        "CONSENT_ERASURE_JOURNAL": str(tmp_path / "erasures.jsonl"),
    }
    async with running_house(migrated_url, tmp_path, **settings) as house:
        away = Away(house, openbao_server)
        await away.fill()
        yield away
    openbao_server.well()


async def test_what_needs_keys_fails_closed_and_leaves_nothing(away: Away) -> None:
    """Killed, sealed or silent: opening and sealing answer 503, soon and each time, and nothing is stored or lost."""
    for leave in (OpenBao.kill, OpenBao.seal, OpenBao.pause):
        before = await away.counts()
        leave(away.bao)
        began = time.monotonic()
        for answer in [*await away.who_need_keys(), *await away.who_need_keys()]:
            assert answer.status_code == 503, (answer.request.url, answer.text)
            assert answer.json()["type"] == "/problems/key-provider-down"
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"]
        assert time.monotonic() - began < 15
        assert await away.counts() == before
        away.bao.well()
        assert await away.released(away.consents[0])
        assert (await away.kari("GET", f"/v1/me/notes/{away.note['id']}")).json()["sections"] == NOTE["sections"]
        away.house.clock.advance(seconds=10 * MINUTE / SECOND)


async def test_ending_needs_no_keys(away: Away, tmp_path: Path) -> None:
    """Revoke, refuse, pause and erase succeed while the key service is dead, and what they ended stays ended after."""
    first, second, third = away.consents
    away.bao.kill()
    assert (await away.house.release(first)).status_code == 503
    assert (await away.kari("GET", "/v1/me/access-log")).status_code == 200
    revoked = await away.kari("POST", f"/v1/me/consents/{first}/revoke", json={})
    assert (revoked.status_code, revoked.json()["consent"]["state"]) == (200, "revoked")
    refused = await away.kari("POST", f"/v1/me/consents/{away.request}/refuse", json={})
    assert (refused.status_code, refused.json()["state"]) == (200, "refused")
    paused = await away.kari("POST", f"/v1/me/consents/{second}/pause", json={})
    assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    away.bao.well()
    assert await away.released(third)
    for ended in (first, second):
        assert (await away.house.release(ended)).status_code == 404
    away.bao.kill()
    erased = await away.kari("DELETE", "/v1/me")
    assert erased.status_code == 200
    statement = erased.json()["statement"]
    assert statement["destroyed"]["keys"] == 1
    (line,) = JournalFile(tmp_path / "erasures.jsonl", away.house.service.keys.service.rows).read().lines
    assert line.candidate_id == statement["log"]["chain"]
    away.bao.well()
    assert not await away.released(third)
