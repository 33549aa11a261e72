"""Granting and ending."""

from __future__ import annotations

from tests.faults.fault import in_room

GATE = "tests/consents/test_gate.py"
GRANTS = "tests/consents/test_grants.py"
REQUESTS = "tests/consents/test_requests.py"
ENDINGS = "tests/consents/test_endings.py"
STANDING = "tests/consents/test_standing_refusals.py"

FAULTS = (
    in_room(
        "consents/grants",
        "the preview's hash is not compared",
        "    if shown.sha256 != preview_sha256:",
        "    if shown is None:",
        GRANTS,
    ),
    in_room("consents/grants", "a yes may widen", "    if not same or wider:", "    if not same:", REQUESTS),
    in_room(
        "consents/grants",
        "a yes counts after the reply-by date",
        "consent.reply_by is not None and at >= consent.reply_by):",
        "consent.reply_by is not None and at < 0):",
        REQUESTS,
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
        "    if await stands(tx, desk.keys, keyring.owner.candidate_id, choice.recipient):",
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
        "consents/standing_refusals",
        "a standing refusal that was taken was never there",
        "        if words is not None and row is None and STANDING not in words:",
        "        if row is None:",
        STANDING,
    ),
    in_room(
        "consents/standing_refusals",
        "a standing refusal is what somebody wrote",
        '            if key.verify(_covered(candidate_id, against, row["position"]), row["mac"]):',
        "            if against:",
        STANDING,
    ),
    in_room(
        "consents/standing_refusals",
        "a standing refusal is as it once was",
        'row is not None and row["position"] == words.get(STANDING):',
        "row is not None:",
        STANDING,
    ),
    in_room(
        "consents/evidence",
        "nobody is refused when nobody can say who is",
        "            raise Tampered",
        "            return False",
        STANDING,
    ),
    in_room(
        "consents/requests",
        "a request comes through when nobody can say who is refused",
        "        return True  #",
        "        return False  #",
        STANDING,
    ),
    in_room(
        "consents/endings",
        "the shares outlive the consent",
        "    await destroy(tx, consent.id, but=MAILBOX if await _letters_go_on(tx, consent, state) else None)\n",
        "",
        ENDINGS,
    ),
    in_room(
        "consents/endings",
        "the shares outlive a pause",
        "    await destroy(tx, consent.id, but=MAILBOX)\n",
        "",
        ENDINGS,
    ),
    in_room(
        "consents/endings",
        "anybody may revoke",
        "    if consent is None or consent.candidate_id != candidate_id:\n",
        "    if consent is None:\n",
        ENDINGS,
    ),
    in_room(
        "consents/endings",
        "a revoke after the end says revoked",
        '        state, actor, outcome = State.EXPIRED, "service", None',
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
)
