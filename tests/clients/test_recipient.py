"""What a recipient's client refuses to believe: a log that shrank, words that are not those of their hash."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import pytest

from consent_clients.models import Employee
from consent_clients.nav import Nav
from consent_clients.problems import LogRolledBack, ProofBroken
from consent_service.crypto.canonical import canonical

CONTENT = {"parts": [{"resource": "note", "part": "interests", "content": {"text": "Liker å lage mat."}}]}
SHA256 = hashlib.sha256(canonical(CONTENT)).hexdigest()
EMPLOYEE = Employee("A123456", "0501")


class Held:
    """A token that never ends."""

    async def bearer(self) -> str:
        return "a-token"

    async def close(self) -> None:
        """Holds nothing open."""


def head(size: int) -> dict[str, str]:
    root = base64.b64encode(hashlib.sha256(str(size).encode()).digest()).decode()
    note = f"log\n{size}\n{root}\n\n— log AAAA\n"
    return {"Audit-Checkpoint": base64.b64encode(note.encode()).decode()}


def released(size: int, sha256: str = SHA256) -> httpx.Response:
    body: dict[str, Any] = {
        "release_id": "r",
        "consent_id": "c",
        "released_at": "2026-01-01T00:00:00Z",
        "content_sha256": sha256,
        "salt": "00",
        "content": CONTENT,
    }
    return httpx.Response(200, json=body, headers=head(size))


def nav(*answers: httpx.Response) -> Nav:
    """A NAV office that is answered so, one call after the other."""
    remaining = list(answers)
    return Nav("http://service", Held(), transport=httpx.MockTransport(lambda _: remaining.pop(0)))


async def test_a_release_brings_the_logs_head_along() -> None:
    """The newest head is kept as content is fetched, and read from the release as it came."""
    async with nav(released(7)) as unit:
        release = await unit.release("c", EMPLOYEE)
        assert unit.checkpoints.size == 7
        assert release.checkpoint is not None
        assert release.checkpoint.startswith("log\n7\n")


async def test_a_log_that_shrank_is_refused_with_the_content() -> None:
    """A release or a feed shown with a smaller log than before is not believed."""
    async with nav(released(7), released(6)) as unit:
        await unit.release("c", EMPLOYEE)
        with pytest.raises(LogRolledBack):
            await unit.release("c", EMPLOYEE)
    feed = httpx.Response(200, json={"items": [], "next": None}, headers=head(6))
    async with nav(released(7), feed) as unit:
        await unit.release("c", EMPLOYEE)
        with pytest.raises(LogRolledBack):
            await unit.events()


async def test_words_that_are_not_those_of_their_hash_are_refused() -> None:
    """What was released is what was previewed, or nothing."""
    async with nav(released(7, hashlib.sha256(b"other").hexdigest())) as unit:
        with pytest.raises(ProofBroken):
            await unit.release("c", EMPLOYEE)


async def test_a_list_is_read_page_by_page() -> None:
    """Every item of a list is given, however many pages it takes."""
    pages = [httpx.Response(200, json={"items": [{"id": "1"}], "next": "1"})]
    pages += [httpx.Response(200, json={"items": [{"id": "2"}], "next": None})]
    async with nav(*pages) as unit:
        assert [consent["id"] async for consent in unit.consents()] == ["1", "2"]


async def test_the_log_is_watched_from_its_very_beginning() -> None:
    """A head of no entries is continued by any: no proof is asked for, where there is none to give."""

    def note(size: int) -> httpx.Response:
        return httpx.Response(200, text=base64.b64decode(head(size)["Audit-Checkpoint"]).decode())

    async with nav(note(0), note(3)) as unit:
        assert (await unit.check_log()).size == 0
        assert (await unit.check_log()).size == 3
