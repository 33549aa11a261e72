"""What became of letters: for units, for the candidate, and for whoever asks what is already out.

The rule: ``parked`` is never seen outside (the letter is shown where it was before), and that a letter was opened is
seen by the candidate alone: units see up to ``delivered``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from consent_service.delivery import _store
from consent_service.delivery._store import Letter
from consent_service.delivery.history import _store as history
from consent_service.delivery.printing import NOT_PRINTED, PRINTED
from consent_service.delivery.states import FINAL, NOTICED, OPENED, Status
from consent_service.storage.engine import Row, Snapshot

_SEEN = frozenset(Status) - {Status.PARKED}
_PRINT_FAILED = "print-failed"


@dataclass(frozen=True)
class Step:
    """One line of a delivery's history."""

    status: str
    at: int


@dataclass(frozen=True)
class Delivery:
    """A plan's version on its way. ``status`` is that of the last step. ``printed``: delivered to go on paper.

    ``reason`` is a code for why it is undeliverable, for the candidate alone to be told.
    """

    letter_id: str
    plan_id: str
    plan_version: int
    consent_id: str
    status: str
    history: tuple[Step, ...]
    printed: bool = False
    reason: str | None = None

    @property
    def delivered_at(self) -> int | None:
        """When the mailbox confirmed that it has the letter; what counts from the plan counts from then.

        None again for one on paper that could not be printed after all.
        """
        if self.status == NOT_PRINTED:
            return None
        return next((step.at for step in self.history if step.status == Status.DELIVERED), None)


@dataclass(frozen=True)
class LetterOut:
    """A letter that is out, or may be. ``dispatched_at`` is the latest it can have been let go."""

    plan_id: str
    version: int
    status: str
    dispatched_at: int


async def of_plan(view: Snapshot, plan_id: str) -> list[Delivery]:
    """The deliveries of a plan, oldest version first. Who may ask is for the caller to know."""
    return await _deliveries(view, await _store.of_plan(view, plan_id), opened=False)


async def of_candidate(view: Snapshot, candidate_id: str) -> list[Delivery]:
    """A candidate's deliveries, oldest first, for herself: she also sees when she opened a letter."""
    return await _deliveries(view, await _store.of_candidate(view, candidate_id), opened=True)


async def letters_out(view: Snapshot, consent_id: str) -> list[LetterOut]:
    """The letters under a consent that were let go, or that an attempt is under way with just now.

    Asked for after a revoke has committed, it names every letter that passed the gate before it; a letter whose attempt
    the revoke still stops may be among them too. It never leaves one out.
    """
    return (await letters_out_each(view, [consent_id])).get(consent_id, [])


async def letters_out_each(view: Snapshot, consent_ids: Sequence[str]) -> dict[str, list[LetterOut]]:
    """The same for several consents, without those that no letter is out under."""
    letters = [letter for letter in await _store.of_consents(view, list(consent_ids)) if _may_be_out(letter)]
    lines = await history.of(view, [letter.id for letter in letters]) if letters else {}
    out: dict[str, list[LetterOut]] = {}
    for letter in letters:
        dispatched = [row["at"] for row in lines[letter.id] if row["status"] == Status.DISPATCHED.value]
        if dispatched or letter.doubt_until is not None:
            shown = Status.DELIVERED if letter.status == Status.DELIVERED.value else Status.DISPATCHED
            at = dispatched[0] if dispatched else letter.updated_at
            out.setdefault(letter.consent_id, []).append(
                LetterOut(letter.plan_id, letter.plan_version, shown.value, at)
            )
    return out


def _may_be_out(letter: Letter) -> bool:
    return letter.status == Status.DELIVERED.value or Status(letter.status) not in FINAL


async def _deliveries(view: Snapshot, letters: list[Letter], *, opened: bool) -> list[Delivery]:
    lines = await history.of(view, [letter.id for letter in letters])
    return [_delivery(letter, lines[letter.id], opened=opened) for letter in letters]


def _delivery(letter: Letter, rows: list[Row], *, opened: bool) -> Delivery:
    steps = [Step(row["status"], row["at"]) for row in rows if row["status"] in _SEEN]
    if opened:  # after everything else, however late the mailbox told that it had delivered the letter
        steps += [Step(row["status"], row["at"]) for row in rows if row["status"] == OPENED][:1]
    printed = any((row["status"], row["note"]) == (Status.DELIVERED.value, PRINTED) for row in rows)
    if printed:
        failed = [row["at"] for row in rows if (row["status"], row["note"]) == (NOTICED, _PRINT_FAILED)]
        steps += [Step(NOT_PRINTED, at) for at in failed[:1]]
    about = letter.id, letter.plan_id, letter.plan_version, letter.consent_id
    reason = next((row["note"] for row in rows if row["status"] == Status.UNDELIVERABLE.value), None)
    return Delivery(*about, steps[-1].status, tuple(steps), printed, reason)
