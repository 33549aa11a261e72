"""The gate: checks dropped, turned round, moved; rows that are believed."""

from __future__ import annotations

from tests.faults.fault import in_room

GATE = "tests/consents/test_gate.py"
COMMITS = "tests/consents/test_commits.py"
IN_FORCE = "tests/consents/test_in_force.py"

FAULTS = (
    in_room(
        "consents/checks",
        "a changed row is believed",
        "    if not intact(desk.keys.rows, consent, read.steps.get(consent.id)):",
        "    if desk is None:",
        GATE,
    ),
    in_room(
        "consents/gate",
        "an attempt on a row moved to a stranger stands in the stranger's log",
        "        if head is not None and (finding.answer not in _FAULTY or read.is_known(consent, head)):",
        "        if head is not None:",
        "tests/consents/test_moved_rows.py",
    ),
    in_room(
        "consents/judging",
        "a plan refused under a row moved to a stranger stands in the stranger's log",
        "    return candidate_id if step is not None and step.chain_id == candidate_id else None",
        "    return candidate_id if step is not None else None",
        "tests/consents/test_moved_rows.py",
    ),
    in_room(
        "consents/gate",
        "a head that was put back holds up the whole batch",
        "            if not alone:\n                raise  # each goes on alone\n",
        "",
        "tests/consents/test_changed_heads.py",
    ),
    in_room(
        "audit/log",
        "where the service's own head was changed, no attempt is answered or told",
        "        if not is_sound(key, head):",
        "        if head is None:",
        "tests/consents/test_changed_heads.py",
    ),
    in_room(
        "consents/checks",
        "a standing refusal is not looked at",
        'reason = "standing_refusal" if read.refused(terms.candidate_id, ask.unit_id, unit) else None',
        "reason = None",
        "tests/consents/test_standing_refusals.py",
    ),
    in_room(
        "consents/ledger",
        "a remembered release is believed without its MAC",
        '        return key.verify(release_bytes(*place, row["release_id"], row["at"]), row["mac"])',
        "        return row is not None",
        GATE,
    ),
    in_room(
        "consents/gate",
        "a decision is kept for a moment",
        "        answer = await self._pass(ask, ask.unit_id)\n",
        "        self._kept = getattr(self, '_kept', {})\n"
        "        place = (ask.consent_id, ask.unit_id, self._clock.now() // 1_000_000)\n"
        "        if place not in self._kept:\n"
        "            self._kept[place] = await self._pass(ask, ask.unit_id)\n"
        "        answer = self._kept[place]\n",
        GATE,
    ),
    in_room(
        "consents/gate",
        "what was shown is not compared with what is opened",
        "    if not hmac.compare_digest(commit(salt, digest.digest()), terms.content_commitment):",
        "    if not hmac.digest(salt, content, sha256):",
        GATE,
    ),
    in_room(
        "consents/gate",
        "a changed row raises no alarm",
        '            alarm(consent.id)\n            return _Finding(consent, None, Refused("tampered"))',
        '            return _Finding(consent, None, Refused("tampered"))',
        GATE,
    ),
    in_room(
        "consents/gate",
        "one chain that is held keeps everybody waiting",
        "await lock_concerned(tx, chains.values(), wait=alone)",
        "await lock_concerned(tx, chains.values(), wait=True)",
        GATE,
        "postgresql",
    ),
    in_room(
        "consents/checks",
        "a unit of a kind that the purpose does not admit may read",
        '        ("kind_not_admitted", unit is not None and not purpose.admits_recipient(unit.kind)),\n',
        "",
        GATE,
    ),
    in_room(
        "consents/checks",
        "what she paused is in force",
        '("paused", state is State.PAUSED),\n        ("not_yet_valid"',
        '("not_yet_valid"',
        IN_FORCE,
    ),
    in_room(
        "consents/ledger",
        "a repeat spends a use",
        " or not isinstance(ask, ReleaseAsk) or answer.repeated:",
        " or not isinstance(ask, ReleaseAsk):",
        GATE,
    ),
    in_room(
        "consents/ledger",
        "the same key twice in a batch is two releases",
        "        if place in self._releases:",
        "        if not place:",
        GATE,
    ),
    in_room(
        "consents/judging",
        "a plan comes in under a row that was changed",
        "terms_of(await verify(view, desk.keys, consent))",
        "terms_of(consent)",
        "tests/plans/test_push.py",
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
        '("unit_disabled", unit is not None and not unit.enabled),',
        '("unit_disabled", unit is None),',
        GATE,
    ),
    in_room(
        "consents/checks",
        "the last moment is in force",
        '("expired", at >= terms.valid_until),',
        '("expired", at > terms.valid_until),',
        IN_FORCE,
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
        "    if reason is None or (after_end and reason in _ENDED):",
        "    if reason is None or reason:",
        "tests/plans/test_push.py",
    ),
    in_room(
        "consents/_store",
        "the MAC leaves the uses out",
        'if name not in {"row_mac", "terms"})',
        'if name not in {"row_mac", "terms", "uses"})',
        GATE,
    ),
    in_room(
        "consents/_store",
        "the MAC leaves the recipient out",
        'if name not in {"row_mac", "terms"})',
        'if name not in {"row_mac", "terms", "recipient_id"})',
        GATE,
    ),
    in_room(
        "consents/standing",
        "the terms' MAC is not compared",
        "        macs = row_mac(key, consent.covered()), terms_mac(key, consent.terms)",
        "        macs = row_mac(key, consent.covered()), consent.terms_mac",
        COMMITS,
    ),
    in_room(
        "consents/standing",
        "the log is not asked whether it agrees",
        " and last_step == stands\n",
        "\n",
        GATE,
    ),
)
