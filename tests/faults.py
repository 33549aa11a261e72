"""Faults that ``make mutants`` plants: each one that a tired change could bring, and the tests that must find it.

``before`` stands exactly once in the file. ``tests`` are pytest's arguments; they run on SQLite unless they say
``postgresql``. A fault that makes no difference, because another check does the same, is none: the gate has a few.
"""

from __future__ import annotations

from dataclasses import dataclass

GATE = "tests/consents/test_gate.py"
GRANTS = "tests/consents/test_grants.py"
REQUESTS = "tests/consents/test_requests.py"
COMMITS = "tests/consents/test_commits.py"
LIFE = "tests/consents/test_lifecycle.py"
ERASURE = "tests/rights/test_erasure.py"
EXPORT = "tests/rights/test_export.py"


@dataclass(frozen=True)
class Fault:
    """One fault: ``before`` becomes ``after`` in ``file``."""

    what: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


def in_room(room: str, what: str, before: str, after: str, *tests: str) -> Fault:
    """A fault in ``consent_service/<room>.py``."""
    return Fault(what, f"consent_service/{room}.py", before, after, tests)


FAULTS = (
    # --- the gate: checks dropped, turned round, moved -----------------------------------------------
    in_room(
        "consents/gate",
        "a changed row is believed",
        "    if not intact(desk.keys.rows, consent, read.steps.get(consent.id)):",
        "    if desk is None:",
        GATE,
    ),
    in_room(
        "consents/gate",
        "a standing refusal is not looked at",
        'reason = "standing_refusal" if read.refused(terms.candidate_id, ask.unit_id, unit) else None',
        "reason = None",
        "tests/consents/test_standing_refusals.py",
    ),
    in_room(
        "consents/gate",
        "a remembered release is believed without its MAC",
        'if desk.keys.rows.verify(release_bytes(*place, row["release_id"], row["at"]), row["mac"])',
        "if row is not None",
        GATE,
    ),
    in_room(
        "consents/gate",
        "read before the lock",
        "            heads, held = await lock_concerned(tx, [concerned.get(one) for one in ids], wait=wait)\n"
        "            present = [call for call in batch if concerned.get(call.ask.consent_id) not in held]\n"
        "            # 2. Read everything else in later statements.\n"
        "            read = await _read(tx, self._desk, [call.ask for call in present])\n",
        "            read = await _read(tx, self._desk, [call.ask for call in batch])\n"
        "            heads, held = await lock_concerned(tx, [concerned.get(one) for one in ids], wait=wait)\n"
        "            present = [call for call in batch if concerned.get(call.ask.consent_id) not in held]\n",
        COMMITS,
        "postgresql",
    ),
    in_room(
        "consents/gate",
        "answered before the commit",
        "            recorded = iter(await self._record(tx, read, present, findings, heads, now))\n",
        "            recorded = iter(await self._record(tx, read, present, findings, heads, now))\n"
        "            for call, finding in zip(present, findings, strict=True):\n"
        "                call.answer.done() or call.answer.set_result(finding.answer)\n",
        COMMITS,
    ),
    in_room(
        "consents/gate",
        "a decision is kept for a moment",
        "        return _only(Released, await self._pass(ask, ask.unit_id))",
        "        self._kept = getattr(self, '_kept', {})\n"
        "        place = (ask.consent_id, ask.unit_id, self._clock.now() // 1_000_000)\n"
        "        if place not in self._kept:\n"
        "            self._kept[place] = _only(Released, await self._pass(ask, ask.unit_id))\n"
        "        return self._kept[place]",
        GATE,
    ),
    in_room(
        "consents/checks",
        "any unit may read",
        '("not_recipient", unit_id != terms.recipient.id),',
        '("not_recipient", False),',
        GATE,
    ),
    in_room(
        "consents/checks",
        "a disabled unit may read",
        '("unit_disabled", unit is None or not unit.enabled),',
        '("unit_disabled", unit is None),',
        GATE,
    ),
    in_room(
        "consents/checks",
        "the last moment is in force",
        '("expired", at >= terms.valid_until),',
        '("expired", at > terms.valid_until),',
        LIFE,
    ),
    in_room("consents/checks", "the end is not looked at", '("expired", at >= terms.valid_until),', "", GATE),
    in_room("consents/checks", "an ended consent is", '("ended", state not in LIVING),', "", GATE),
    in_room(
        "consents/checks",
        "a letter goes although she paused",
        '("paused", state is State.PAUSED),\n        ("ended", state is not',
        '("ended", state is not State.PAUSED and state is not',
        "tests/delivery/test_worker.py",
    ),
    in_room(
        "consents/checks",
        "a letter goes although she revoked",
        '("ended", state is not State.GRANTED and not (state in LETTERS_GO_ON and sealed)),',
        "",
        "tests/delivery/test_worker.py",
    ),
    in_room("consents/ledger", "one use too many in a batch", "if uses >= limit:", "if uses > limit:", GATE),
    in_room(
        "consents/ledger",
        "a counted release is no step",
        "        changes_state=counted,",
        "        changes_state=False,",
        GATE,
    ),
    in_room(
        "consents/judging",
        "a plan comes in under any consent",
        "    return terms if reason is None else NotInForce(reason)",
        "    return terms",
        "tests/plans/test_push.py",
    ),
    # --- rows, MACs and the log ----------------------------------------------------------------------
    in_room(
        "consents/_store",
        "the MAC leaves the uses out",
        'if name not in {"row_mac", "terms"}}',
        'if name not in {"row_mac", "terms", "uses"}}',
        GATE,
    ),
    in_room(
        "consents/_store",
        "the MAC leaves the recipient out",
        'if name not in {"row_mac", "terms"}}',
        'if name not in {"row_mac", "terms", "recipient_id"}}',
        GATE,
    ),
    in_room(
        "consents/standing",
        "the terms' MAC is not compared",
        "        and terms_mac(key, consent.terms) == consent.terms_mac\n",
        "",
        COMMITS,
    ),
    in_room(
        "consents/standing",
        "the log is not asked whether it agrees",
        "        and (consent.candidate_id is None or last_step == consent.state_position)\n",
        "",
        GATE,
    ),
    in_room(
        "audit/_store",
        "time runs backwards with the clock",
        "return max(clock_now, self.last_at + 1)",
        "return clock_now",
        GATE,
    ),
    in_room(
        "audit/_store",
        "the chain is read and not locked",
        '"SELECT chain_id, length, digest, last_at FROM chain WHERE chain_id IN (:ids[]) AND closed = 0"\n'
        '    " ORDER BY chain_id {for_update}"',
        '"SELECT chain_id, length, digest, last_at FROM chain WHERE chain_id IN (:ids[]) AND closed = 0"\n'
        '    " ORDER BY chain_id"',
        COMMITS,
        "postgresql",
    ),
    in_room(
        "audit/log",
        "an entry does not name the one before",
        '"previous": head.digest.hex(),',
        '"previous": FIRST.hex(),',
        EXPORT,
    ),
    in_room(
        "audit/log",
        "the commitment has no salt",
        "sha256(salt + secret).hexdigest()",
        "sha256(secret).hexdigest()",
        EXPORT,
    ),
    # --- granting and ending -------------------------------------------------------------------------
    in_room(
        "consents/grants",
        "the preview's hash is not compared",
        "    if shown.sha256 != preview_sha256:",
        "    if shown is None:",
        GRANTS,
    ),
    in_room("consents/grants", "a yes may widen", "    if not same or wider:", "    if not same:", REQUESTS, LIFE),
    in_room(
        "consents/grants",
        "a yes counts after the reply-by date",
        "consent.reply_by is not None and at >= consent.reply_by):",
        "consent.reply_by is not None and at < 0):",
        REQUESTS,
        LIFE,
    ),
    in_room(
        "consents/grants",
        "a consent may last for ever",
        "<= at + (choice.purpose.longest_days + 1) * DAY:",
        "<= at + (choice.purpose.longest_days + 1) * DAY * 1000:",
        GRANTS,
    ),
    in_room(
        "consents/grants",
        "granted against a standing refusal",
        "    if await stands(tx, keyring.owner.candidate_id, choice.recipient):",
        "    if choice is None:",
        "tests/consents/test_standing_refusals.py",
    ),
    in_room(
        "consents/grants",
        "a grant has no receipt",
        "    await receipts.issue_granted(tx, desk, terms, appended)\n",
        "",
        GRANTS,
    ),
    in_room(
        "consents/grants",
        "resumed after its end",
        "    if consent.valid_until is None or at >= consent.valid_until:",
        "    if consent.valid_until is None:",
        GRANTS,
    ),
    in_room(
        "consents/endings",
        "the shares outlive the consent",
        "    await destroy(tx, consent.id, but=MAILBOX if await _letters_go_on(tx, consent, state) else None)\n",
        "",
        LIFE,
    ),
    in_room(
        "consents/endings",
        "the shares outlive a pause",
        "    await destroy(tx, consent.id, but=MAILBOX)\n",
        "",
        LIFE,
    ),
    in_room(
        "consents/endings",
        "anybody may revoke",
        "    if consent.candidate_id != candidate_id:\n        raise NotAvailable\n    return consent",
        "    return consent",
        LIFE,
    ),
    in_room(
        "consents/endings",
        "a revoke after the end says revoked",
        '        state, actor = State.EXPIRED, "service"',
        "        state = wanted",
        GATE,
    ),
    in_room(
        "consents/states",
        "the asker can tell a no from silence",
        "frozenset({State.REQUESTED, State.PENDING_CONFIRMATION, State.REFUSED, State.LAPSED})",
        "frozenset({State.REQUESTED, State.PENDING_CONFIRMATION, State.LAPSED})",
        "tests/consents/test_states.py",
        REQUESTS,
    ),
    # --- the vault -----------------------------------------------------------------------------------
    in_room(
        "vault/parts",
        "a share is not bound to its consent",
        "terms = (self.consent_id, self.recipient_id, self.purpose, str(self.valid_until))",
        "terms = (self.recipient_id, self.purpose, str(self.valid_until))",
        "tests/vault",
    ),
    in_room(
        "vault/parts",
        "a share is not bound to its purpose",
        "terms = (self.consent_id, self.recipient_id, self.purpose, str(self.valid_until))",
        "terms = (self.consent_id, self.recipient_id, str(self.valid_until))",
        "tests/vault",
    ),
    in_room(
        "vault/parts",
        "a share is not bound to its end",
        "terms = (self.consent_id, self.recipient_id, self.purpose, str(self.valid_until))",
        "terms = (self.consent_id, self.recipient_id, self.purpose)",
        "tests/vault",
    ),
    in_room(
        "vault/parts",
        "a part is not bound to its version",
        "return (self.candidate_id, self.resource, self.resource_id, str(self.version), self.part)",
        "return (self.candidate_id, self.resource, self.resource_id, self.part)",
        "tests/vault",
    ),
    in_room(
        "vault/parts",
        "a part is not bound to its candidate",
        "return (self.candidate_id, self.resource, self.resource_id, str(self.version), self.part)",
        "return (self.resource, self.resource_id, str(self.version), self.part)",
        "tests/vault",
    ),
    in_room(
        "crypto/envelope",
        "the commitment to the key is not compared",
        "    if not hmac.compare_digest(commitment, envelope[len(_HEADER) + _SALT : start]):",
        "    if not commitment:",
        "tests/crypto/test_envelope.py",
    ),
    in_room(
        "crypto/envelope",
        "fields run together",
        'return b"".join(len(raw).to_bytes(4, "big") + raw for raw in',
        'return b"".join(raw for raw in',
        "tests/crypto/test_envelope.py",
    ),
    # --- erasure and the database --------------------------------------------------------------------
    in_room(
        "rights/erasure", "keys outlive the person", "        **await seal.erase(tx, candidate_id),\n", "", ERASURE
    ),
    in_room(
        "persons/forgetting",
        "what waits outlives the person",
        "    await _store.delete_items(tx, await _store.lookups_of(tx, candidate_id))\n",
        "",
        ERASURE,
    ),
    in_room(
        "rights/erasure",
        "sessions outlive the person",
        '        "sessions": await sessions.end_of_candidate(tx, candidate_id),\n',
        '        "sessions": 0,\n',
        ERASURE,
    ),
    in_room(
        "storage/sqlite",
        "what is deleted stays in the file",
        '"PRAGMA secure_delete=ON",',
        '"PRAGMA secure_delete=OFF",',
        "tests/storage/test_sqlite.py",
        ERASURE,
    ),
    in_room(
        "storage/sqlite",
        "what is deleted stays in the write-ahead log",
        "            self._unscrubbed |= view.scrub\n",
        "",
        "tests/storage/test_sqlite.py",
        ERASURE,
    ),
    in_room(
        "storage/sqlite",
        "a failed statement commits what came before it",
        "        if view.failure is not None:\n            raise view.failure\n        try:\n",
        "        try:\n",
        "tests/storage/test_transactions.py",
    ),
)
