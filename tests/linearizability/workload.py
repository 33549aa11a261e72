"""Many clients on a dozen hot consents: they read, pause, resume and revoke, and each revoked one is replaced.

Hot ones, because a fault shows only where calls meet: with four hundred cold consents a cache of 5 ms was seen twice,
with a dozen hot ones a thousand times.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.linearizability.history import NEVER, Call, Kind, Outcome
from tests.linearizability.processes import PERSONS, Town
from tests.linearizability.wire import Answer, Lost, NotSent, Wire

SLOTS = 12
READERS = 16
OWNERS = 4

_OUTCOMES: dict[int, Outcome] = {200: "done", 201: "done", 404: "refused", 409: "refused"}


@dataclass
class Consent:
    """One consent and everything that was done to it."""

    id: str
    owner: int
    calls: list[Call] = field(default_factory=list)


@dataclass
class Load:
    """A run of so many calls. ``consents`` are all that there were."""

    town: Town
    seed: int
    wanted: int
    consents: list[Consent] = field(default_factory=list)
    hot: list[Consent] = field(default_factory=list)
    made: int = 0
    over: Callable[[Load], bool] = lambda load: load.made >= load.wanted
    keys: Any = field(default_factory=itertools.count)

    async def run(self, faults: Callable[[Load], Awaitable[None]] | None = None) -> None:
        """Until so many calls were made, with ``faults`` beside them."""
        chance = random.Random(self.seed)  # noqa: S311 - which call comes next is no secret
        for number in range(SLOTS):
            async with self.wires() as wires:
                self.hot.append(await self.until_granted(wires, number % PERSONS, chance))
        async with asyncio.TaskGroup() as group:
            for work in self.works(chance):
                group.create_task(work)
            if faults is not None:
                group.create_task(faults(self))  # type: ignore[arg-type]  # a coroutine

    def works(self, chance: random.Random) -> list[Coroutine[Any, Any, None]]:
        """What is done beside each other."""
        works = [self._reads(random.Random(chance.random())) for _ in range(READERS)]  # noqa: S311 - no secret
        return works + [self._owns(random.Random(chance.random())) for _ in range(OWNERS)]  # noqa: S311 - no secret

    async def reached(self, share: float) -> None:
        """Come back when this share of the calls was made."""
        while self.made < self.wanted * share:  # noqa: ASYNC110 - a count, which nobody announces
            await asyncio.sleep(0.01)

    def counted(self) -> Counter[tuple[Kind, Outcome]]:
        """How many calls of which kind had which outcome."""
        return Counter((call.kind, call.outcome) for consent in self.consents for call in consent.calls)

    @contextlib.asynccontextmanager
    async def wires(self) -> AsyncIterator[list[Wire]]:
        """A connection to each process."""
        wires = [Wire(process.port) for process in self.town.processes]
        try:
            yield wires
        finally:
            for wire in wires:
                await wire.close()

    async def _reads(self, chance: random.Random) -> None:
        """A caseworker who reads whatever is hot."""
        async with self.wires() as wires:
            while not self.over(self):
                await self.release(chance.choice(self.hot), chance.choice(wires), chance)

    async def _owns(self, chance: random.Random) -> None:
        """Somebody who takes her consents back, and gives new ones."""
        async with self.wires() as wires:
            while not self.over(self):
                place = chance.randrange(SLOTS)
                consent = self.hot[place]
                if chance.random() < 0.25:
                    await self.change("pause", consent, chance.choice(wires))
                    await self.release(consent, chance.choice(wires), chance)
                    await self.change("resume", consent, chance.choice(wires))
                    await self.release(consent, chance.choice(wires), chance)
                    continue
                reads, revokes = chance.sample(wires, 2)
                await asyncio.gather(self.release(consent, reads, chance), self.change("revoke", consent, revokes))
                await asyncio.gather(*(self.release(consent, wire, chance) for wire in wires))
                if self.hot[place] is consent:
                    self.hot[place] = await self.until_granted(wires, consent.owner, chance)

    async def release(self, consent: Consent, wire: Wire, chance: random.Random) -> None:
        more = f'Acting-Employee: id="A123456", office="0501"\r\nIdempotency-Key: "{self.seed}-{next(self.keys)}"\r\n'
        token, within = await self.town.tokens.bearer(), chance.choice([3.0, 10.0])
        path = f"/v1/consents/{consent.id}/releases"
        await self._timed("release", consent, wire, path, token, more=more, within=within)

    async def change(self, kind: Kind, consent: Consent, wire: Wire) -> None:
        token = await self.town.sessions[consent.owner].bearer()
        await self._timed(kind, consent, wire, f"/v1/me/consents/{consent.id}/{kind}", token)

    async def _timed(self, kind: Kind, consent: Consent, wire: Wire, path: str, token: str, **how: Any) -> None:
        """One call, and its line in the consent's history."""
        try:
            await wire.connect()
        except NotSent:
            await asyncio.sleep(0.02)
            return
        called, answered, outcome = time.monotonic_ns(), NEVER, None
        with contextlib.suppress(Lost):
            answer = await wire.call("POST", path, token, {}, **how)
            answered, outcome = time.monotonic_ns(), _OUTCOMES.get(answer.status)
            assert outcome is not None or answer.status == 503, answer
        consent.calls.append(Call(kind, outcome or "unknown", called, answered if outcome else NEVER))
        self.made += 1

    async def until_granted(self, wires: list[Wire], owner: int, chance: random.Random) -> Consent:
        while True:
            try:
                return await self._granted(chance.choice(wires), owner)
            except (NotSent, Lost, _NotNow):
                await asyncio.sleep(0.02)

    async def _granted(self, wire: Wire, owner: int) -> Consent:
        """A new consent. One whose grant was never answered is nobody's to ask about."""
        token = await self.town.sessions[owner].bearer()
        part = {"resource": "note", "resource_id": self.town.notes[owner], "version": 1, "part": "interests"}
        wanted = {
            "purpose": "guidance_follow_up",
            "recipient_id": self.town.nav,
            "parts": [part],
            "valid_until": (datetime.now(UTC).date() + timedelta(days=20)).isoformat(),
        }
        await wire.connect()
        shown = _good(await wire.call("POST", "/v1/me/consents/preview", token, wanted))
        called = time.monotonic_ns()
        granted = _good(
            await wire.call("POST", "/v1/me/consents", token, {**wanted, "preview_sha256": shown["sha256"]})
        )
        consent = Consent(granted["id"], owner, [Call("grant", "done", called, time.monotonic_ns())])
        self.consents.append(consent)
        self.made += 1
        return consent


class _NotNow(Exception):
    """The service was busy, or the database was."""


def _good(answer: Answer) -> Any:
    if answer.status == 503:
        raise _NotNow
    assert answer.status in {200, 201}, answer
    return answer.json()
