"""The counter: where candidates grant unasked and revoke, those who come in the same moment in one transaction.

These are the steps; the same numbers stand over the code.

0. Outside the transaction: the keys of those who grant are had before they come. An end needs none.
1. Begin; lock the candidates' chain heads in id order, in a statement of its own.
2. Grant (``grants.grant_each``): read what is there in later statements, judge each yes alone, write all of them.
3. End (``endings.revoke_each``): the same. One whose row is not plainly as we wrote it is left to step 4.
4. Go on in a transaction of one's own (see ``turnstile``): whose chain somebody else holds just now, who comes twice in
   one batch, and whose consent must be revoked by itself, as where there is no chain. There, an end always succeeds.
5. Commit; only now is anybody answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from consent_service.audit.log import Head, lock_concerned
from consent_service.clock import Clock
from consent_service.consents._store import Stored
from consent_service.consents.desk import Desk
from consent_service.consents.endings import revoke, revoke_each
from consent_service.consents.grants import Yes, grant_each
from consent_service.consents.reading import ConsentView, as_written
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Database, Transaction
from consent_service.storage.turnstile import ALONE, Answer, Turnstile

_Answer: TypeAlias = Answer[Stored | None]


@dataclass(frozen=True)
class _No:
    """A consent that its candidate takes back, by its id."""

    candidate_id: str
    consent_id: str


class Counter:
    """One for each process; any number of processes."""

    def __init__(self, db: Database, desk: Desk, clock: Clock) -> None:
        """Take what the verbs need."""
        self._desk, self._clock = desk, clock
        self._turnstile: Turnstile[Yes | _No, Stored | None] = Turnstile(db, self._serve, name="counter")

    async def grant(self, yes: Yes) -> ConsentView:
        """As ``grants.grant``, which says what it raises; the consent as its candidate sees it."""
        granted = await self._turnstile.go(yes)
        assert granted is not None
        return as_written(granted, now=self._clock.now())

    async def revoke(self, candidate_id: str, consent_id: str) -> ConsentView | None:
        """As ``endings.revoke``, which says what it raises; the consent as its candidate sees it."""
        ended = await self._turnstile.go(_No(candidate_id, consent_id))
        return None if ended is None else as_written(ended, now=self._clock.now())

    async def _serve(self, tx: Transaction, members: Sequence[Yes | _No], alone: bool) -> list[_Answer]:
        if alone and isinstance(only := members[0], _No):
            return [await revoke(tx, self._desk, only.candidate_id, only.consent_id, now=self._clock.now())]
        # 1. Lock the chain heads, in id order, in a statement of its own.
        heads, held = await lock_concerned(tx, [one.candidate_id for one in members], wait=alone)
        first = {one.candidate_id: one for one in reversed(members) if one.candidate_id in heads}
        yeses = [(heads[whose], one) for whose, one in first.items() if isinstance(one, Yes)]
        noes = [(heads[whose], one.consent_id) for whose, one in first.items() if isinstance(one, _No)]
        now = self._clock.now()
        answers: dict[str, _Answer] = {}
        # 2. Grant.
        if yeses:
            answers |= zip(_whose(yeses), await grant_each(tx, self._desk, yeses, now=now), strict=True)
        # 3. End.
        if noes:
            ended = await revoke_each(tx, self._desk, noes, now=now)
            answers |= zip(_whose(noes), [ALONE if one is None else one for one in ended], strict=True)

        # 4. Who is not answered here goes on alone. Who grants, and has no chain (any more), is nobody.
        def answer(one: Yes | _No) -> _Answer:
            if one.candidate_id in heads:
                return answers[one.candidate_id] if first[one.candidate_id] is one else ALONE
            return NotAvailable() if isinstance(one, Yes) and one.candidate_id not in held else ALONE

        return [answer(one) for one in members]


def _whose(members: Sequence[tuple[Head, object]]) -> list[str]:
    return [head.chain_id for head, _ in members]
