"""Asking and answering, as the tests of requests and of ends both do."""

from __future__ import annotations

from consent_service.audit.log import lock
from consent_service.clock import DAY
from consent_service.consents import endings, grants, requests
from consent_service.events import feed, sequencer
from consent_service.identity.units import Unit
from tests.consents.conftest import Town


async def heard(town: Town, unit: Unit) -> list[str]:
    """What the unit's feed says by now."""
    async with town.db.transaction() as tx:
        await sequencer.number(tx, holder="test", now=town.clock.now())
    async with town.db.snapshot() as view:
        return [event.state for event in await feed.read(view, unit.id, after=0, limit=100)]


async def leave(town: Town, *kinds: str, reply_in: int = DAY) -> str:
    """NAV asks, and the request is nobody's yet."""
    async with town.db.transaction() as tx:
        return await requests.ask(
            tx,
            town.desk,
            town.desk.purposes.get("guidance_follow_up"),
            recipient=town.nav,
            requester=town.nav,
            part_kinds=kinds or ("note.interests", "note.way_forward"),
            reply_by=town.clock.now() + reply_in,
            at=town.clock.now(),
        )


async def bind(town: Town, consent_id: str) -> None:
    """The candidate comes, and the request is hers."""
    async with town.db.transaction() as tx:
        head = (await lock(tx, [town.candidate_id]))[town.candidate_id]
        await requests.bind(tx, town.keys.service, head, consent_id, by=None, at=town.clock.now())


async def ask(town: Town, *kinds: str, reply_in: int = DAY) -> str:
    """NAV asks, and the request is bound to the candidate."""
    consent_id = await leave(town, *kinds, reply_in=reply_in)
    await bind(town, consent_id)
    return consent_id


async def answer(town: Town, consent_id: str, *parts: str) -> None:
    """The candidate says yes to ``parts``."""
    choice = town.choice(*parts)
    seen, keyring = await town.sha256(choice), await town.keyring(town.nav.id)
    async with town.db.transaction() as tx:
        await grants.answer(tx, town.desk, consent_id, grants.Yes(keyring, choice, seen, "nb"), now=town.clock.now())


async def refuse(town: Town, consent_id: str) -> None:
    """The candidate says no."""
    async with town.db.transaction() as tx:
        await endings.refuse(tx, town.desk, town.candidate_id, consent_id, now=town.clock.now())
