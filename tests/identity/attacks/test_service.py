"""The built service over HTTP, at both doors: every attack gets the same 401, byte for byte, and soon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import pytest

from tests.identity.attacks.built_service import DOORS, Answered, BuiltService, built_service
from tests.identity.attacks.corpus import AT_THE_DOOR, CORPUS
from tests.identity.attacks.fields import FIELDS
from tests.identity.attacks.ground import KINDS

LONGEST = 3.0
"""Seconds for one call, on a machine that does other things as well; on a quiet one the slowest takes 30 ms."""

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
async def built(migrated_url: str, tmp_path: Path) -> AsyncIterator[BuiltService]:
    """The service, and its three issuers."""
    async with built_service(migrated_url, tmp_path) as running:
        yield running


async def test_every_attack_gets_the_same_refusal(built: BuiltService) -> None:
    """Status, headers and body are those of a call without a token; before and after, good tokens are taken."""
    await _good_tokens_are_taken(built)
    refusal = (await built.shown("units")).text
    assert refusal.startswith(b"HTTP/1.1 401 ")
    assert b'www-authenticate: Bearer error="invalid_token"' in refusal
    assert (await built.shown("me")).text == refusal
    answers: dict[str, Answered] = {}
    for attack in (*CORPUS, *AT_THE_DOOR):
        token = attack.forge(built.ground)
        if "\n" not in token:  # which would end the field: what follows is no part of the token
            answers[attack.name] = await built.shown(attack.door, f"Bearer {token}")
    assert len(answers) > 1000
    others = {name: answer.text[:300] for name, answer in answers.items() if answer.text != refusal}
    # A null byte is in no field of HTTP: the server's parser refuses the call, whoever calls.
    assert {name for name in others if not others[name].startswith(b"HTTP/1.1 400 ")} == set(), others
    assert all("null byte" in name for name in others)
    times = [answer.seconds for answer in answers.values()]
    assert max(times) < LONGEST
    assert median(times) < LONGEST / 10
    await _good_tokens_are_taken(built)


async def test_a_good_token_is_taken_in_one_form_and_place_alone(built: BuiltService) -> None:
    """In another spelling of the field, in the address, a cookie or another field, it is no token at all."""
    kind = KINDS[0]
    good = kind.good(built.ground)
    refusal = (await built.shown(kind.door)).text
    for name, spell in FIELDS.items():
        assert (await built.shown(kind.door, *spell(good))).text == refusal, name
    for more in ("Proxy-Authorization", "X-Authorization", "X-Forwarded-Access-Token", "X-Original-Authorization"):
        assert (await built.shown(kind.door, more=f"{more}: Bearer {good}\r\n")).text == refusal
    for more in (f"Cookie: access_token={good}\r\n", f"Cookie: Authorization=Bearer {good}\r\n"):
        assert (await built.shown(kind.door, more=more)).text == refusal
    assert (await built.shown(kind.door, path=f"{DOORS[kind.door]}?access_token={good}")).text == refusal


async def test_what_is_longer_than_any_header_is_not_read(built: BuiltService) -> None:
    """From 32 KiB of header fields on, the answer is 431, whatever they say; a megabyte takes no longer."""
    for length in (33_000, 200_000, 1_000_000):
        answer = await built.shown("units", f"Bearer {'a' * length}")
        assert answer.status == 431
        assert answer.seconds < LONGEST


async def _good_tokens_are_taken(built: BuiltService) -> None:
    for kind in KINDS:
        assert (await built.shown(kind.door, f"Bearer {kind.good(built.ground)}")).status == 200
