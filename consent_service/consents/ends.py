"""How consents end, decided before anything of it is written (``endings`` writes it)."""

from collections.abc import Sequence
from dataclasses import dataclass

from consent_service.audit.log import Actor, Entry, Head, last_steps
from consent_service.consents import _store
from consent_service.consents._store import Stored
from consent_service.consents.desk import Desk
from consent_service.consents.standing import intact
from consent_service.consents.states import State, end
from consent_service.errors import ConsentEnded, NotAvailable, WrongState
from consent_service.storage.engine import Snapshot


@dataclass(frozen=True)
class End:
    """A consent that is about to end: under which head, in which state, whose act that is, and why, if it says so."""

    head: Head
    consent: Stored
    state: State
    actor: Actor
    outcome: str | None

    def entry(self) -> Entry:
        """What the log says of it."""
        consent = self.consent
        return Entry(
            f"consent.{self.state.value}",
            self.actor,
            consent.recipient_id,
            consent.id,
            outcome=self.outcome,
            changes_state=True,
        )


def decide(head: Head, consent: Stored, wanted: State, actor: Actor, *, now: int, outcome: str | None = None) -> End:
    """How ``consent``, whose row has been verified, ends. Raises ConsentEnded, WrongState."""
    state = end(State(consent.state), wanted, consent.valid_until, head.now(now))
    if state is State.EXPIRED:  # the first writer to meet an end that has come writes that end
        return End(head, consent, state, "service", None)
    return End(head, consent, state, actor, outcome)


async def decide_revokes(
    view: Snapshot, desk: Desk, asked: Sequence[tuple[Head, str]], *, now: int
) -> list[End | Exception | None]:
    """How each of the consents (by id) ends that candidates take back, whose heads are locked; or why it does not.

    None for one whose row is not plainly as we wrote it, or says to be nobody's: of that nothing is decided here.
    """
    found = await _store.many(view, [consent_id for _, consent_id in asked])
    steps = await last_steps(view, desk.keys.log, list(found), {head.chain_id: head for head, _ in asked})
    decided: list[End | Exception | None] = []
    for head, consent_id in asked:
        consent = found.get(consent_id)
        whose = None if consent is None else consent.candidate_id
        if consent is None or whose is None or not intact(desk.keys.rows, consent, steps.get(consent_id)):
            decided.append(None)
        elif whose != head.chain_id:
            decided.append(NotAvailable())
        else:
            try:
                decided.append(decide(head, consent, State.REVOKED, "candidate", now=now))
            except (ConsentEnded, WrongState) as late:
                decided.append(late)
    return decided
