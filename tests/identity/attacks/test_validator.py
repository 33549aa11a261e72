"""No forged, confused or malformed token is accepted, each is refused in the same words, and none takes long."""

from __future__ import annotations

import json
import time

import pytest

from consent_service.errors import Unauthenticated
from tests.identity.attacks.corpus import AT_THE_DOOR, CORPUS, TABLES
from tests.identity.attacks.fields import FIELDS
from tests.identity.attacks.ground import KINDS, Attack, Forge, Kind
from tests.identity.attacks.headers import headed, raw_header
from tests.identity.attacks.json_texts import raw_payload
from tests.identity.attacks.spelling import respelt
from tests.identity.conftest import World

LONGEST = 1.0
"""Seconds for one token, the issuers' keys included: a hundred times what the slowest takes on a quiet machine."""


@pytest.mark.parametrize("table", [*TABLES.values()], ids=[*TABLES])
async def test_no_forgery_is_accepted(world: World, table: list[Attack]) -> None:
    """A token with one thing amiss is refused, always with the same words, though the good ones are remembered."""
    for kind in KINDS:
        await world.shown_to(kind.door, kind.good(world.ground))
    taken = [attack.name for attack in table if not await _is_refused(world, attack)]
    assert not taken


async def _is_refused(world: World, attack: Attack) -> bool:
    forged = attack.forge(world.ground)
    began = time.perf_counter()
    try:
        await world.shown_to(attack.door, forged)
    except Unauthenticated as refused:
        return refused.detail == Unauthenticated.detail and time.perf_counter() - began < LONGEST
    return False


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    "forge",
    [
        headed(),
        raw_header(lambda kid: json.dumps({"alg": "RS256", "kid": kid}).encode()),
        raw_payload(lambda raw: raw),
        respelt(lambda h, p, s: f"{h}.{p}.{s}"),
    ],
)
async def test_the_forgers_tools_leave_a_good_token_good(world: World, kind: Kind, forge: Forge) -> None:
    """Without their one change, the forgeries would have been accepted: nothing else was refused in them."""
    await world.shown_to(kind.door, forge(kind, world.ground))


@pytest.mark.parametrize("attack", AT_THE_DOOR, ids=lambda attack: attack.name)
async def test_whose_number_it_is_is_not_for_the_validator(world: World, attack: Attack) -> None:
    """Eleven digits are a number here; that they are nobody's is found at the door."""
    await world.shown_to(attack.door, attack.forge(world.ground))


@pytest.mark.parametrize("spell", [*FIELDS.values()], ids=[*FIELDS])
async def test_the_header_has_one_form(world: World, spell: object) -> None:
    """A good token in anything but one well-formed field is refused."""
    assert callable(spell)
    kind = KINDS[0]
    token = kind.good(world.ground)
    await world.bearer.unit([f"bearer {token}"])
    with pytest.raises(Unauthenticated):
        await world.bearer.unit(spell(token))


def test_the_corpus_is_large_and_names_each_attack_once() -> None:
    """More than 250 attacks on each kind of token, and no two under one name."""
    assert len({attack.name for attack in CORPUS}) == len(CORPUS)
    for kind in KINDS:
        assert sum(attack.name.startswith(f"{kind.name}: ") for attack in CORPUS) > 250
