"""The gate: the only door through which content leaves for another unit (``release``) or the mailbox (``dispatch``).

The rule: nothing crosses without a consent in force. These are the steps; the same numbers stand over the code.

0. Outside the transaction: have the recipient's key in memory.
1. Begin; lock the candidates' chain heads in id order, in a statement of its own.
2. Read consents, shares and parts in a later statement.
3. Check: the MACs over terms and state agree, and so does the log · granted, not paused · valid_from ≤ now <
   valid_until · the caller is the recipient unit, enabled, of a kind that the purpose admits · uses are left.
4. Open the parts in memory, and compare with the hash of the preview.
5. Append ``released`` (with the content's hash) or ``refused`` (with the reason); spend the use.
6. Commit; only now hand out ``Released`` or ``Refused``.

The lock comes first and alone because a statement sees the database as of its start, not as of the end of its wait: to
lock and read in one would release a consent whose revoke had committed. Neither a consent nor a decision is ever
remembered from one transaction to the next. What can't be decided or recorded is refused.

The turnstile: calls that arrive while a commit runs share the next transaction, in a task of its own, so that a caller
who goes away cancels nothing. A bad member is refused alone.
"""

import asyncio
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar
from uuid import uuid4

import structlog

from consent_service.audit.log import SERVICE_CHAIN, Entry, Head, append_all, last_steps, lock_known
from consent_service.clock import Clock
from consent_service.consents import _store, endings
from consent_service.consents._store import Stored
from consent_service.consents.checks import reason_against
from consent_service.consents.content import compose
from consent_service.consents.desk import Desk
from consent_service.consents.purposes import IDENTITY
from consent_service.consents.standing import alarm, intact, stand, terms_of
from consent_service.consents.states import LETTERS_GO_ON, WAITING, State
from consent_service.consents.terms import Tampered, Terms, commit
from consent_service.crypto.envelope import SealBroken
from consent_service.identity.units import Unit
from consent_service.identity.units import find as find_unit
from consent_service.storage.engine import Database, Row, Transaction
from consent_service.vault.keys import MAILBOX, Keys, RecipientKey
from consent_service.vault.parts import PartRef
from consent_service.vault.recipient import open_shares, read_shares

_log = structlog.get_logger()

_BATCH = 64


@dataclass(frozen=True)
class ReleaseAsk:
    """A unit asks for what a consent lets it have. ``employee`` and ``office`` are asserted by the unit."""

    consent_id: str
    unit_id: str
    employee: str
    office: str
    idempotency_key: str


@dataclass(frozen=True)
class DispatchAsk:
    """The outbox asks for a letter's content, anew before each attempt."""

    letter_id: str
    consent_id: str
    candidate_id: str
    pdf: PartRef


@dataclass(frozen=True)
class Released:
    """Content that may be handed out: its release is recorded and durable."""

    release_id: str
    consent_id: str
    at: int
    content: bytes = field(repr=False)
    content_sha256: str
    salt: bytes = field(repr=False)
    repeated: bool


@dataclass(frozen=True)
class Dispatched:
    """A letter that may be sent now."""

    letter_id: str
    at: int
    national_id: str = field(repr=False)
    pdf: bytes = field(repr=False)
    pdf_sha256: str


@dataclass(frozen=True)
class Refused:
    """The gate's other answer. The reason is for the log and the outbox; the outside sees one answer for all."""

    reason: str


Ask = ReleaseAsk | DispatchAsk
Answer = Released | Dispatched | Refused
_A = TypeVar("_A", Released, Dispatched)


class Gate:
    """The door. One for each process; any number of processes."""

    def __init__(self, db: Database, keys: Keys, desk: Desk, clock: Clock) -> None:
        """Take what the steps need; the gate keeps nothing else."""
        self._db = db
        self._keys = keys
        self._desk = desk
        self._clock = clock
        self._waiting: list[tuple[Ask, RecipientKey, asyncio.Future[Answer]]] = []
        self._turning: asyncio.Task[None] | None = None

    async def release(self, ask: ReleaseAsk) -> Released | Refused:
        """What the consent lets the unit have, or a refusal; either way recorded before it is answered.

        Raises errors.Unavailable if the key provider or the database is down: then nothing was handed out.
        """
        return _only(Released, await self._pass(ask, ask.unit_id))

    async def dispatch(self, ask: DispatchAsk) -> Dispatched | Refused:
        """A letter's content for the mailbox, or a refusal; recorded first. Raises as ``release``."""
        return _only(Dispatched, await self._pass(ask, MAILBOX))

    async def _pass(self, ask: Ask, recipient_id: str) -> Answer:
        # 0. Outside the transaction: have the recipient's key in memory.
        key = await self._keys.recipient(recipient_id)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, key, answer))
        if self._turning is None or self._turning.done():
            self._turning = asyncio.create_task(self._turn(), name="gate")
        return await answer

    async def _turn(self) -> None:
        """Let those who wait through, a batch to a transaction, until nobody waits."""
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            try:
                answers = await self._decide([(ask, key) for ask, key, _ in batch])
            except Exception as failure:  # noqa: BLE001  # handed to each caller, who must not wait for ever
                for _, _, waiting in batch:
                    if not waiting.done():
                        waiting.set_exception(failure)
                continue
            for (_, _, waiting), answer in zip(batch, answers, strict=True):
                if not waiting.done():  # a caller who went away gets nothing, and its log entry stands
                    waiting.set_result(answer)

    async def _decide(self, asks: Sequence[tuple[Ask, RecipientKey]]) -> list[Answer]:
        ids = sorted({ask.consent_id for ask, _ in asks})
        async with self._db.transaction() as tx:
            # 1. Lock the chain heads, in id order, in a statement of its own. Whom a consent concerns never changes.
            concerned = await _store.candidates(tx, ids)
            heads = await lock_known(tx, {chain for chain in concerned.values() if chain is not None})
            if any(concerned.get(ask.consent_id) not in heads for ask, _ in asks):
                heads |= await lock_known(tx, {SERVICE_CHAIN})  # its id comes after every candidate's
            # 2. Read everything else in later statements.
            batch = await _read(tx, asks, ids)
            # 3, 4. Check and open, each member alone.
            now = self._clock.now()
            findings = [self._judge(batch, ask, key, heads, now) for ask, key in asks]
            # 5. Record, and spend.
            answers = await self._record(tx, batch, asks, findings, heads, now)
        # 6. Committed: only now may anything be handed out.
        return answers  # noqa: RET504  # after the commit, not in the block before it

    def _judge(self, batch: "_Batch", ask: Ask, key: RecipientKey, heads: dict[str, Head], now: int) -> "_Finding":
        consent = batch.consents.get(ask.consent_id)
        if consent is None or consent.candidate_id not in heads:
            return _Finding(None, Refused("unknown"))
        at = heads[consent.candidate_id].now(now)
        try:
            refused = _check(self._desk, batch, consent, ask, at)
            return _Finding(consent, refused or _open(batch, consent, ask, key, at))
        except (SealBroken, Tampered, KeyError, ValueError, StopIteration):
            # Something under this consent is not as we wrote it. Refused alone, and loudly.
            alarm(consent.id)
            return _Finding(consent, Refused("tampered"))

    async def _record(
        self,
        tx: Transaction,
        batch: "_Batch",
        asks: Sequence[tuple[Ask, RecipientKey]],
        findings: Sequence["_Finding"],
        heads: dict[str, Head],
        now: int,
    ) -> list[Answer]:
        answers: list[Answer] = []
        entries: list[tuple[Head, Entry]] = []
        spent: dict[str, int] = {}
        made: list[dict[str, object]] = []
        for (ask, _), finding in zip(asks, findings, strict=True):
            answer = _spend(batch, ask, finding, spent, made, now)
            chain = finding.consent.candidate_id if finding.consent is not None else SERVICE_CHAIN
            assert chain is not None
            entries.append((heads[chain], _entry(ask, answer)))
            answers.append(answer)
        await append_all(tx, self._keys.service.log, entries, at=now)
        await _store.add_releases(tx, made)
        for consent_id, uses in spent.items():
            await self._write_uses(tx, heads, batch.consents[consent_id], uses, now)
        return answers

    async def _write_uses(self, tx: Transaction, heads: dict[str, Head], consent: Stored, uses: int, now: int) -> None:
        counted = stand(self._desk.keys, consent, State(consent.state), consent.state_position, uses=uses)
        await _store.change(tx, counted)
        if terms_of(consent).max_uses == uses:
            assert consent.candidate_id is not None
            await endings.use_up(tx, self._desk, heads[consent.candidate_id], counted, now=now)


@dataclass(frozen=True)
class _Batch:
    """What step 2 read."""

    consents: dict[str, Stored]
    steps: dict[str, int]
    shares: dict[tuple[str, str], list[Row]]
    units: dict[str, Unit | None]
    releases: dict[tuple[str, str], Row]


@dataclass(frozen=True)
class _Finding:
    """What steps 3 and 4 found: the consent, if there is one, and what would be answered."""

    consent: Stored | None
    answer: Answer


def _only(kind: type[_A], answer: Answer) -> "_A | Refused":
    assert isinstance(answer, kind | Refused)
    return answer


async def _read(tx: Transaction, asks: Sequence[tuple[Ask, RecipientKey]], ids: list[str]) -> _Batch:
    releases = [ask for ask, _ in asks if isinstance(ask, ReleaseAsk)]
    return _Batch(
        consents=await _store.many(tx, ids),
        steps=await last_steps(tx, ids),
        shares=await read_shares(tx, ids),
        units={unit_id: await find_unit(tx, unit_id) for unit_id in {ask.unit_id for ask in releases}},
        releases=await _store.releases(tx, sorted({_key_hash(ask) for ask in releases})),
    )


def _key_hash(ask: ReleaseAsk) -> str:
    return sha256(f"{ask.unit_id}\x00{ask.idempotency_key}".encode()).hexdigest()


def _check(desk: Desk, batch: _Batch, consent: Stored, ask: Ask, at: int) -> Refused | None:
    """Step 3. The first reason to refuse, or None."""
    if not intact(desk.keys.rows, consent, batch.steps.get(consent.id)):
        raise Tampered
    state = State(consent.state)
    if state in WAITING or consent.granted_at is None:
        return Refused("not_granted")
    terms = terms_of(consent)
    if (terms.consent_id, terms.candidate_id) != (consent.id, consent.candidate_id):
        raise Tampered
    if isinstance(ask, DispatchAsk):
        return _check_dispatch(terms, state, ask)
    return _check_release(desk, batch, terms, state, consent.uses, ask, at)


def _check_release(
    desk: Desk, batch: _Batch, terms: Terms, state: State, uses: int, ask: ReleaseAsk, at: int
) -> Refused | None:
    purpose = desk.purposes.get(terms.purpose, terms.purpose_version)
    unit = batch.units.get(ask.unit_id)
    reason = reason_against(terms, state, unit=unit, unit_id=ask.unit_id, purpose=purpose, at=at)
    repeat = (terms.consent_id, _key_hash(ask)) in batch.releases
    if reason is None and terms.max_uses is not None and uses >= terms.max_uses and not repeat:
        reason = "used_up"
    return None if reason is None else Refused(reason)


def _check_dispatch(terms: Terms, state: State, ask: DispatchAsk) -> Refused | None:
    """A letter goes while its consent is in force, or ended in a way that leaves what was accepted to go."""
    if ask.candidate_id != terms.candidate_id or ask.pdf.candidate_id != terms.candidate_id:
        return Refused("not_recipient")
    if state is State.PAUSED:
        return Refused("paused")
    return None if state is State.GRANTED or state in LETTERS_GO_ON else Refused("ended")


def _open(batch: _Batch, consent: Stored, ask: Ask, key: RecipientKey, at: int) -> Released | Dispatched:
    """Step 4. Raises SealBroken or Tampered for anything that is not what was granted."""
    terms = terms_of(consent)
    shares = batch.shares.get((consent.id, key.recipient_id), [])
    parts = open_shares(key, terms.share_terms(key.recipient_id), shares)
    if isinstance(ask, DispatchAsk):
        person = next(content for ref, content in parts.items() if ref.kind == IDENTITY)
        pdf = parts[ask.pdf]
        return Dispatched(ask.letter_id, at, json.loads(person)["national_id"], pdf, sha256(pdf).hexdigest())
    salt = parts.pop(terms.salt_ref)
    if set(parts) != set(terms.parts):
        raise Tampered
    content = compose(
        purpose=terms.purpose,
        purpose_version=terms.purpose_version,
        recipient_id=terms.recipient.id,
        recipient_name=terms.recipient.name,
        valid_until=terms.valid_until,
        parts=parts,
    )
    digest = sha256(content)
    if not hmac.compare_digest(commit(salt, digest.digest()), terms.content_commitment):
        raise Tampered
    earlier = batch.releases.get((consent.id, _key_hash(ask)))
    release_id = earlier["release_id"] if earlier is not None else str(uuid4())
    return Released(release_id, consent.id, at, content, digest.hexdigest(), salt, earlier is not None)


def _spend(
    batch: _Batch,
    ask: Ask,
    finding: _Finding,
    spent: dict[str, int],
    made: list[dict[str, object]],
    now: int,
) -> Answer:
    """Step 5, in memory: count this release, unless it repeats one; refuse it if the batch has spent the last use."""
    answer, consent = finding.answer, finding.consent
    if not isinstance(answer, Released) or not isinstance(ask, ReleaseAsk) or answer.repeated:
        return answer
    assert consent is not None
    key_hash = _key_hash(ask)
    earlier = next((one for one in made if (one["consent_id"], one["key_hash"]) == (consent.id, key_hash)), None)
    if earlier is not None:  # the same key twice in one batch
        return Released(
            str(earlier["release_id"]), consent.id, answer.at, answer.content, answer.content_sha256, answer.salt, True
        )
    limit = terms_of(consent).max_uses
    if limit is not None:
        uses = spent.get(consent.id, consent.uses)
        if uses >= limit:
            return Refused("used_up")
        spent[consent.id] = uses + 1
    made.append(
        {
            "consent_id": consent.id,
            "key_hash": key_hash,
            "candidate_id": consent.candidate_id,
            "release_id": answer.release_id,
            "at": now,
        }
    )
    return answer


def _entry(ask: Ask, answer: Answer) -> Entry:
    detail: dict[str, str] = {}
    unit_id: str | None = None
    if isinstance(ask, ReleaseAsk):
        unit_id = ask.unit_id
        detail = {"employee": ask.employee, "office": ask.office}
    outcome = None
    if isinstance(answer, Refused):
        event, outcome = "refused", answer.reason
    elif isinstance(answer, Dispatched):
        event, detail["content_sha256"] = "released", answer.pdf_sha256
    else:
        event, detail["content_sha256"] = "repeated" if answer.repeated else "released", answer.content_sha256
    kind = "letter" if isinstance(ask, DispatchAsk) else "release"
    return Entry(
        f"{kind}.{event}",
        "service" if isinstance(ask, DispatchAsk) else "unit",
        unit_id=unit_id,
        consent_id=ask.consent_id,
        resource_id=ask.letter_id if isinstance(ask, DispatchAsk) else getattr(answer, "release_id", None),
        outcome=outcome,
        detail=detail,
    )
