"""The gate: the only door through which content leaves for another unit or the mailbox.

``release`` hands a unit what a consent lets it have, ``archive`` hands the sender of a plan its own copy, and
``dispatch`` hands the mailbox a letter.

The rule: nothing crosses without a consent in force. These are the steps; the same numbers stand over the code.

0. Outside the transaction: have the recipient's key in memory.
1. Begin; lock the candidates' chain heads in id order, in a statement of its own.
2. Read consents, shares and parts in a later statement.
3. Check: the MACs over terms and state agree, and so does the log · granted, not paused · valid_from ≤ now <
   valid_until · the caller is the recipient unit, enabled, of a kind that the purpose admits · uses are left.
4. Open the parts in memory, and compare with the hash of the preview.
5. Append ``released`` (with the content's hash) or ``refused`` (with the reason); spend the use.
6. Commit; only now hand out ``Released`` or ``Refused``.

The lock comes first and alone because a statement sees the database as of its start, not as of the end of its wait:
to lock and read in one would release a consent whose revoke had committed. Neither a consent nor a decision is ever
remembered from one transaction to the next. What can't be decided or recorded is refused.

Calls that arrive while a commit runs share the next transaction (``storage.turnstile``): a caller who goes away cancels
nothing, a bad member is refused alone, and one whose chain somebody else holds goes on alone, so that it keeps nobody
waiting.

A release that counts against a consent's uses is a step in its life: the log entry that stands last for it says how
much was used, so that a row put back as it was before agrees with the log no more.
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import uuid4

import structlog

from consent_service.audit.log import SERVICE_CHAIN, Head, Taken, append_all, lock_concerned, lock_known
from consent_service.clock import Clock
from consent_service.consents import _store
from consent_service.consents._store import Stored
from consent_service.consents.archives import ARCHIVE, archive_ref
from consent_service.consents.asks import (
    Answer,
    ArchiveAsk,
    Archived,
    Ask,
    DispatchAsk,
    Dispatched,
    Refused,
    ReleaseAsk,
    Released,
)
from consent_service.consents.checks import check
from consent_service.consents.content import compose
from consent_service.consents.desk import Desk
from consent_service.consents.evidence import Evidence, chain_of, gather, wanted_shares
from consent_service.consents.ledger import UNDECIDABLE, Ledger
from consent_service.consents.purposes import IDENTITY, Purpose
from consent_service.consents.standing import alarm, nobodys
from consent_service.consents.terms import Terms, commit
from consent_service.errors import Tampered
from consent_service.storage import turnstile
from consent_service.storage.engine import Database, Duplicate, Transaction
from consent_service.storage.turnstile import ALONE, Turnstile
from consent_service.vault.keys import MAILBOX, Keys, RecipientKey
from consent_service.vault.recipient import open_shares, read_shares

__all__ = ["ArchiveAsk", "Archived", "DispatchAsk", "Dispatched", "Gate", "Refused", "ReleaseAsk", "Released"]

_log = structlog.get_logger()

NOT_SHARED = "not_shared"
"""There is no share of what was asked for."""

_FAULTY = (Refused("tampered"), UNDECIDABLE)


@dataclass(frozen=True)
class _Call:
    """What is asked, with the recipient's key at hand."""

    ask: Ask
    key: RecipientKey


class Gate:
    """The door. One for each process; any number of processes."""

    def __init__(self, db: Database, keys: Keys, desk: Desk, clock: Clock) -> None:
        """Take what the steps need; the gate keeps nothing else."""
        self._keys, self._desk, self._clock = keys, desk, clock
        self._nobodys = nobodys(desk.keys)
        self._turnstile: Turnstile[_Call, Answer] = Turnstile(db, self._decide, name="gate")

    async def release(self, ask: ReleaseAsk) -> Released | Refused:
        """What the consent lets the unit have, or a refusal; either way recorded before it is answered.

        Raises errors.Unavailable if the key provider or the database is down: then nothing was handed out.
        """
        answer = await self._pass(ask, ask.unit_id)
        assert isinstance(answer, Released | Refused)
        return answer

    async def dispatch(self, ask: DispatchAsk) -> Dispatched | Refused:
        """A letter's content for the mailbox, or a refusal; recorded first. Raises as ``release``."""
        answer = await self._pass(ask, MAILBOX)
        assert isinstance(answer, Dispatched | Refused)
        return answer

    async def archive(self, ask: ArchiveAsk) -> Archived | Refused:
        """A plan's copy for the archive of the unit that pushed it, or a refusal; as ``release``."""
        copy = await self._pass(ask, ask.unit_id)
        assert isinstance(copy, Archived | Refused)
        return copy

    async def _pass(self, ask: Ask, recipient_id: str) -> Answer:
        # 0. Outside the transaction: have the recipient's key in memory.
        call = _Call(ask, await self._keys.recipient(recipient_id))
        # 1 to 5. In the turnstile's transaction. 6. Committed; only now may anything be handed out.
        return await self._turnstile.go(call)

    async def _decide(self, tx: Transaction, batch: Sequence[_Call], alone: bool) -> list[turnstile.Answer[Answer]]:
        # 1. Lock the chain heads, in id order, in a statement of its own. Whom a consent concerns never changes.
        ids = sorted({call.ask.consent_id for call in batch})
        concerned = await _store.candidates(tx, ids)
        chains = {one: chain_of(concerned.get(one)) for one in ids}
        heads, held = await lock_concerned(tx, chains.values(), wait=alone)
        present = [call for call in batch if chains[call.ask.consent_id] not in held]
        # 2. Read everything else in later statements.
        asks = [call.ask for call in present]
        read = await gather(tx, self._desk, asks, await read_shares(tx, *wanted_shares(asks)), heads)
        # 3, 4. Check and open, each member alone.
        now, gone = self._clock.now(), set(chains.values()) - heads.keys() - held
        findings = [self._judge(read, call, heads, gone, now) for call in present]
        if SERVICE_CHAIN not in heads and any(finding.consent is None for finding in findings):
            heads |= await lock_known(tx, [SERVICE_CHAIN])  # its id comes after every candidate's
        # 5. Record, and spend.
        try:
            recorded = iter(await self._record(tx, read, present, findings, heads, now))
        except (Duplicate, Taken):
            # A head that was put back names a place in its chain that is taken: nothing is recorded, for nobody.
            if not alone:
                raise  # each goes on alone
            alarm(batch[0].ask.consent_id)
            raise Tampered from None
        return [ALONE if chains[call.ask.consent_id] in held else next(recorded) for call in batch]

    def _judge(self, read: Evidence, call: _Call, heads: dict[str, Head], gone: set[str], now: int) -> "_Finding":
        consent = read.consents.get(call.ask.consent_id, self._nobodys)  # nobody's takes as long as somebody's
        head = heads.get(consent.candidate_id or "")
        finding = self._find(read, call, consent, now if head is None else head.now(now))
        if head is not None and (finding.answer not in _FAULTY or read.is_known(consent, head)):
            return finding
        if consent.candidate_id in gone and not isinstance(finding.answer, Refused):
            alarm(consent.id)  # nobody is erased whose consent is in force: somebody took her chain, or closed it
            return _Finding(None, None, Refused("tampered"))
        # It concerns nobody (yet, or any more), or whom can't be told: unknown, unless it is not as we wrote it.
        return _Finding(None, None, finding.answer if finding.answer in _FAULTY else Refused("unknown"))

    def _find(self, read: Evidence, call: _Call, consent: Stored, at: int) -> "_Finding":
        try:
            terms = check(self._desk, read, consent, call.ask, at)
            if isinstance(terms, Refused):
                return _Finding(consent, None, terms)
            purpose = self._desk.purposes.get(terms.purpose, terms.purpose_version)
            return _Finding(consent, terms, _open(read, terms, purpose, call, at))
        except (Tampered, KeyError, StopIteration):
            # Something under this consent is not as we wrote it. Refused alone, and loudly.
            alarm(consent.id)
            return _Finding(consent, None, Refused("tampered"))
        except Exception as fault:  # noqa: BLE001  # a gate that can't decide refuses, and harms nobody else
            _log.error("the gate could not decide", consent_id=consent.id, fault=type(fault).__name__, alarm="gate")
            return _Finding(consent, None, UNDECIDABLE)

    async def _record(
        self,
        tx: Transaction,
        read: Evidence,
        calls: Sequence[_Call],
        findings: Sequence["_Finding"],
        heads: dict[str, Head],
        now: int,
    ) -> list[Answer]:
        ledger = Ledger(self._desk, now)
        answers, entries = [], []
        for call, finding in zip(calls, findings, strict=True):
            answer, entry = ledger.settle(call.ask, finding.consent, finding.terms, finding.answer)
            chain = finding.consent.candidate_id if finding.consent is not None else SERVICE_CHAIN
            assert chain is not None
            answers.append(answer)
            entries.append((heads[chain], entry))
        appended = await append_all(tx, self._keys.service.log, entries, at=now)
        await _store.add_releases(tx, ledger.made)
        last = {
            answer.consent_id: place.position
            for answer, place in zip(answers, appended, strict=True)
            if isinstance(answer, Released) and ledger.counts(answer)
        }
        spent = [(read.consents[consent_id], position) for consent_id, position in last.items()]
        await _store.change(tx, *((before, ledger.counted(before, position)) for before, position in spent))
        return answers


@dataclass(frozen=True)
class _Finding:
    """What steps 3 and 4 found: the consent, if there is one, its terms, if it may pass, and what would be answered."""

    consent: Stored | None
    terms: Terms | None
    answer: Answer


def _open(read: Evidence, terms: Terms, purpose: Purpose, call: _Call, at: int) -> Answer:
    """Step 4. Raises Tampered for anything that is not what was granted."""
    ask, key = call.ask, call.key
    shares = read.shares.get((terms.consent_id, key.recipient_id), [])
    bound = terms.share_terms(key.recipient_id)
    if isinstance(ask, DispatchAsk):
        wanted = {ask.pdf, ask.address}
        parts = open_shares(key, bound, shares, only=lambda ref: ref.kind == IDENTITY or ref in wanted)
        if ask.address is not None and ask.address not in parts:
            return Refused(NOT_SHARED)
        person = next(content for ref, content in parts.items() if ref.kind == IDENTITY)
        address = None if ask.address is None else parts[ask.address]
        number, register = json.loads(person)["national_id"], ask.register and purpose.asks_contact_register
        pdf = b"" if register else parts[ask.pdf]
        return Dispatched(ask.letter_id, at, number, pdf, sha256(pdf).hexdigest(), address, register)
    if isinstance(ask, ArchiveAsk):
        named = archive_ref(terms.candidate_id, ask.plan_id, ask.version, terms.consent_id)
        copy = open_shares(key, bound, shares, only=named.__eq__).get(named)
        return Refused(NOT_SHARED) if copy is None else Archived(at, copy, sha256(copy).hexdigest())
    parts = open_shares(key, bound, shares, only=lambda ref: ref.kind != ARCHIVE)
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
    earlier = read.releases.get((terms.consent_id, ask.key_hash))
    release_id = earlier["release_id"] if earlier is not None else str(uuid4())
    return Released(release_id, terms.consent_id, at, content, digest.hexdigest(), salt, earlier is not None)
