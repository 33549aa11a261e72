"""The worker: takes letters out of the outbox and carries each to its next step, many at a time.

Each letter is a task of its own, so that one that is slow or broken delays no other. Whatever goes wrong with a letter
is written on that letter; whatever goes wrong with the database is waited out. When the worker is told to stop it
claims nothing more, lets what is under way end within a short time, and leaves the rest to its lease.
"""

import asyncio
import contextlib
import secrets

import structlog

from consent_service.clock import MINUTE, SECOND, Clock
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.delivery.attempt import Attempt, Attempts, Dispatching, Levels
from consent_service.delivery.backoff import Timing
from consent_service.delivery.failpoints import Failpoint, Reached, lives_on
from consent_service.delivery.finding import Finding
from consent_service.delivery.history.listening import listen
from consent_service.delivery.outbox import Outbox, tidy
from consent_service.delivery.printing import Printing
from consent_service.errors import Unavailable
from consent_service.mailbox.port import Mailbox
from consent_service.mailbox.register import ContactRegister
from consent_service.storage.engine import Database

AT_A_TIME = 16
"""Letters that one worker has under way."""

_WORTH_A_CLAIM = 4
_GATHER = 0.25  # seconds; slow letters delay no other for longer
_LONGEST_SLEEP = 0.5  # seconds; a letter accepted by another process is seen within this time
_AFTER_FAILURE = 1.0
_LAST_WORDS = 5.0
_TIDY_EVERY = 10 * MINUTE
_LISTEN_EVERY = MINUTE

_log = structlog.get_logger()


class Worker:
    """One worker. Any number may run, in any number of processes."""

    def __init__(
        self,
        db: Database,
        gate: Dispatching,
        mailbox: Mailbox,
        keys: ServiceKeys,
        clock: Clock,
        *,
        controller: str,
        levels: Levels = Levels(),  # noqa: B008  # frozen, and without state
        timing: Timing = Timing(),  # noqa: B008  # the same
        printing: Printing | None = None,
        register: ContactRegister | None = None,
        reached: Reached = lives_on,
    ) -> None:
        """Take what the work needs, and for whom a plan is held once it is delivered (``controller``).

        The worker's own name is chance, so that a restarted one is another.
        """
        self.name = secrets.token_hex(8)
        self._db, self._keys, self._clock, self._timing, self._reached = db, keys, clock, timing, reached
        self._outbox = Outbox(db, keys, clock, timing, self.name, controller, mailbox.sender_of)
        self._attempts = Attempts(
            gate, mailbox, clock, timing, levels, printing, register, is_superseded=self._outbox.is_superseded
        )
        self._mailbox = mailbox
        self._under_way: set[asyncio.Task[None]] = set()
        self._tidy_at = 0

    async def run(self) -> None:
        """Work until cancelled."""
        listening = asyncio.create_task(self._listen(), name="mailbox events")
        try:
            while True:
                try:
                    await self._turn()
                except Unavailable:
                    _log.warning("the outbox waits for the database", worker=self.name)
                    await asyncio.sleep(_AFTER_FAILURE)
                except Exception:  # noqa: BLE001  # a worker that dies of a fault delivers nothing at all
                    _log.exception("the worker met a fault", worker=self.name, alarm="outbox")
                    await asyncio.sleep(_AFTER_FAILURE)
        finally:
            listening.cancel()
            await self._wind_up()

    async def _listen(self) -> None:
        """Hear now and then what happened to letters; a mailbox that is slow to say holds up none."""
        while True:
            try:
                await listen(self._db, self._mailbox, self._clock, holder=self.name)
            except Unavailable:
                _log.warning("the mailbox's events wait for the database", worker=self.name)
            except Exception:  # noqa: BLE001  # letters go out whether or not we hear what becomes of them
                _log.exception("the mailbox's events could not be heard", worker=self.name, alarm="outbox")
            await asyncio.sleep(_LISTEN_EVERY / SECOND)

    async def run_until_idle(self) -> None:
        """Work until no letter is due now and none is under way. For an operator's single run, and for tests."""
        while await self._begin() or self._under_way:
            await self._some_end(None)

    async def _turn(self) -> None:
        if self._clock.now() >= self._tidy_at:
            self._tidy_at = self._clock.now() + _TIDY_EVERY
            await tidy(self._db, self._keys, self._clock)
        await self._room()
        if not await self._begin():
            await self._some_end(await self._sleep())

    async def _room(self) -> None:
        """Wait until a claim is worth its commit: several places are free, or a moment has passed.

        Letters end one after the other, and a claim for each would cost as much as what was written down of it.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GATHER):
                while len(self._under_way) > AT_A_TIME - _WORTH_A_CLAIM:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    async def _begin(self) -> int:
        """Claim as many letters as there are free places, and begin with them."""
        free = AT_A_TIME - len(self._under_way)
        claimed = await self._outbox.claim(free) if free else []
        if claimed:
            self._reached(Failpoint.CLAIMED)
        for attempt in claimed:
            task = asyncio.create_task(self._deal_with(attempt), name="letter")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(claimed)

    async def _sleep(self) -> float:
        due = await self._outbox.next_due()
        if due is None:
            return _LONGEST_SLEEP
        return min(_LONGEST_SLEEP, max(0.01, (due - self._clock.now()) / SECOND))

    async def _some_end(self, seconds: float | None) -> None:
        """Wait until a letter is dealt with, but at most ``seconds`` (None: as long as any is under way)."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        elif seconds is not None:
            await asyncio.sleep(seconds)

    async def _deal_with(self, attempt: Attempt) -> None:
        """Make one attempt and write down what it came to. Raises nothing: a broken letter is its own affair."""
        finding = await self._find(attempt)
        self._reached(Failpoint.ANSWERED)
        try:
            if not await self._outbox.finish(attempt, finding):
                _log.warning("a letter's lease had passed on", delivery_id=attempt.letter.id, worker=self.name)
            self._reached(Failpoint.COMMITTED)
        except Unavailable:
            # Not written down, so it stays leased, and in doubt; whoever claims it next asks the mailbox first.
            _log.warning("a letter could not be written down", delivery_id=attempt.letter.id, worker=self.name)
        except Exception:  # noqa: BLE001  # a fault of ours in one letter must not stop the others
            _log.exception("a letter could not be written down", delivery_id=attempt.letter.id, alarm="outbox")

    async def _find(self, attempt: Attempt) -> Finding:
        limit = (self._timing.lease - self._timing.margin) / SECOND
        try:
            async with asyncio.timeout(limit):
                return await self._attempts.make(attempt)
        except TimeoutError:
            return self._outbox.lost(attempt, "timeout")
        except Exception as fault:  # noqa: BLE001  # the same
            _log.exception("an attempt broke", delivery_id=attempt.letter.id, alarm="outbox")
            return self._outbox.lost(attempt, f"fault-{type(fault).__name__}")

    async def _wind_up(self) -> None:
        under_way = set(self._under_way)
        if not under_way:
            return
        _, late = await asyncio.wait(under_way, timeout=_LAST_WORDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
