"""A worker's process dies at each instant of an attempt: another one delivers every letter, exactly once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from consent_service.app.opening import init_keys, open_service
from consent_service.clock import SystemClock
from consent_service.delivery.failpoints import Failpoint
from consent_service.settings import read
from tests.delivery.conftest import Office, opened_office
from tests.delivery.nursery import Nursery, nursery
from tests.delivery.settings import settings_for
from tests.delivery.test_printing import AT_HANSENS, ON_PAPER
from tests.journeys.neighbours import MovableClock
from tests.support.digipost import NON_USER, a4, local_digipost

PATIENCE = 60.0

LEFT = {
    # what the mailbox has taken at least, and whether the gate had been passed
    Failpoint.CLAIMED: (0, False),
    Failpoint.HALF_SENT: (0, True),
    Failpoint.SENT: (1, True),
    Failpoint.ANSWERED: (1, True),
    Failpoint.COMMITTED: (1, True),
}


@dataclass
class Watched:
    """An office whose workers are processes of their own."""

    office: Office
    nursery: Nursery
    environ: dict[str, str]

    def work(self, *, dies_at: Failpoint | None = None) -> int:
        """Start a worker; its process's id."""
        more = {} if dies_at is None else {"CONSENT_TEST_WORKER_DIES_AT": dies_at.value}
        return self.nursery.start("work", self.environ | more)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what comes by itself."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, self.nursery.said()
            await asyncio.sleep(0.02)

    async def until_all(self, letters: list[str], status: str) -> None:
        """Wait until every letter stands there."""
        deadline = time.monotonic() + PATIENCE
        while {await self.office.status(letter) for letter in letters} != {status}:
            assert time.monotonic() < deadline, self.nursery.said()
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where processes come from."""
    with nursery(tmp_path_factory.mktemp("processes")) as here:
        yield here


@pytest.fixture
async def watched(migrated_url: str, tmp_path: Path, forks: Nursery) -> AsyncIterator[Watched]:
    """An office on a database that its workers share with it, and a mailbox on loopback."""
    clock = MovableClock()
    async with local_digipost(clock=clock) as digipost:
        environ = settings_for(migrated_url, tmp_path, digipost.base_url)
        await init_keys(read(environ), SystemClock())
        opened = await open_service(read(environ), SystemClock())
        yield Watched(await opened_office(opened.db, opened.keys, clock, digipost), forks, environ)
        await opened.db.close()


@pytest.mark.parametrize("failpoint", [Failpoint.SENT, Failpoint.ANSWERED])
async def test_a_worker_that_dies_on_the_way_to_paper_leaves_one_letter_on_paper(
    failpoint: Failpoint, watched: Watched
) -> None:
    """It kills itself when the mailbox has refused the letter, or has taken it to be printed: printed once."""
    office = watched.office
    consent = await office.consent(await office.candidate(NON_USER))
    letter = await office.letter(consent, address=AT_HANSENS, pdf=a4())
    victim = watched.work(dies_at=failpoint)
    await watched.until(lambda: watched.nursery.is_dead(victim))
    assert len(await office.digipost.letters()) == (failpoint is Failpoint.ANSWERED)
    heir = watched.work()
    await watched.until_all([letter], "delivered")
    watched.nursery.kill(heir)
    (taken,) = await office.digipost.letters()
    assert taken["printed"] == ON_PAPER


@pytest.mark.parametrize("failpoint", list(Failpoint))
async def test_a_worker_that_dies_anywhere_in_an_attempt_leaves_every_letter_delivered_once(
    failpoint: Failpoint, watched: Watched
) -> None:
    """It kills itself there, with three letters in hand; the next worker has them all delivered, none twice."""
    office = watched.office
    candidate = await office.candidate()
    consent = await office.consent(candidate)
    letters = [await office.letter(consent, text=f"{number} " + "x" * 60_000) for number in range(3)]
    victim = watched.work(dies_at=failpoint)
    await watched.until(lambda: watched.nursery.is_dead(victim))
    least, passed = LEFT[failpoint]
    await asyncio.sleep(0.1)  # what was sent is read
    assert len(await office.digipost.letters()) >= least
    assert ("letter.released" in await office.logged(candidate)) is passed
    assert (failpoint is Failpoint.COMMITTED) is ("letter.delivered" in await office.logged(candidate))
    heir = watched.work()
    await watched.until_all(letters, "delivered")
    watched.nursery.kill(heir)
    taken = await office.digipost.letters()
    assert len(taken) == len({letter["sha256"] for letter in taken}) == 3
    for letter in letters:
        assert await office.seen(letter) == ["accepted", "dispatched", "delivered"]
