"""Letters: sent anew though nobody is to get them, cancelled though they may be out, told of to the wrong one."""

from __future__ import annotations

from tests.faults.fault import in_room

SUPERSEDING = "tests/delivery/test_superseding.py"
LISTENING = "tests/delivery/test_listening.py"
PRINTING = "tests/delivery/test_printing.py"
WORKER = "tests/delivery/test_worker.py"
DOUBT = "tests/delivery/test_doubt.py"
LEASES = "tests/delivery/test_leases.py"
OUTCOMES = "tests/delivery/test_outcomes.py"
AT_ONCE = "tests/delivery/test_at_once.py"
SENDERS = "tests/delivery/test_senders.py"
SENDING = "tests/plans/test_sending.py"
REGISTER = "tests/delivery/test_register.py"

FAULTS = (
    in_room(
        "delivery/attempt",
        "what sending needs is fetched after the gate let the letter go: a revoke in between is not seen",
        "        unready = await self._mailbox.ready()",
        "        unready = None",
        AT_ONCE,
    ),
    in_room(
        "consents/gate",
        "a letter leaves with what the gate said before the register was asked",
        '        pdf = b"" if register else parts[ask.pdf]',
        "        pdf, register = parts[ask.pdf], False",
        REGISTER,
    ),
    in_room(
        "delivery/_store",
        "a letter in doubt goes under whom the settings name by now: a second letter",
        "        kept = sent_as if self.doubt_until is None else self.sent_as",
        "        kept = sent_as",
        SENDERS,
    ),
    in_room(
        "mailbox/digipost",
        "another account is believed that a letter is not there",
        "        if sender.account != str(self._user_id) and not isinstance(found, Held):",
        "        if sender.account is None:",
        SENDERS,
    ),
    in_room(
        "mailbox/digipost",
        "a denial under a guessed account cancels a letter that the mailbox has",
        "            return NotHeld(certain=stands_under is not None)",
        "            return NotHeld()",
        DOUBT,
    ),
    in_room(
        "delivery/attempt",
        "who has reserved herself gets her letter digitally",
        "        if isinstance(standing, Reserved):",
        "        if standing is Reserved:",
        REGISTER,
    ),
    in_room(
        "consents/gate",
        "she is looked up under words that said nothing of it",
        "ask.register and purpose.asks_contact_register",
        "ask.register",
        REGISTER,
    ),
    in_room(
        "consents/ledger",
        "her log does not say that she was looked up",
        '        event, outcome = "released", "to_register"',
        '        event = "released"',
        REGISTER,
    ),
    in_room(
        "delivery/to_herself",
        "what may be out is sent once more",
        "(letter.status in _STATES and letter.doubt_until is None)",
        "letter.status != Status.DELIVERED.value",
        SENDING,
    ),
    in_room(
        "delivery/to_herself",
        "the unit hears of what she had sent to herself",
        "        unit_id=MAILBOX,",
        "        unit_id=older.unit_id,",
        SENDING,
    ),
    in_room(
        "plans/sending",
        "a letter is sent anew that a restored database says was stopped",
        "    return consent.state == State.REVOKED",
        "    return consent.state not in {State.GRANTED, State.PAUSED}",
        SENDING,
    ),
    in_room(
        "plans/sending",
        "a second press is a second letter",
        "    if letter is not None and letter.hers and not letter.cancelled and not stopped:",
        "    if letter is not None and letter.hers and letter.cancelled and not stopped:",
        SENDING,
    ),
    in_room(
        "delivery/attempt",
        "an older version in doubt is sent anew",
        "        if letter.superseded:",
        "        if letter is None:",
        SUPERSEDING,
        also=(("await self._is_superseded(letter.id)", "letter is None"),),
    ),
    in_room(
        "delivery/attempt",
        "a newer version that comes during an attempt does not stop the older one",
        "await self._is_superseded(letter.id)",
        "letter.superseded",
        SUPERSEDING,
    ),
    in_room(
        "delivery/letters",
        "an older version that may be out is said to be cancelled",
        "older.doubt_until is not None or Status(older.status) in FINAL",
        "Status(older.status) in FINAL",
        SUPERSEDING,
    ),
    in_room(
        "delivery/_store",
        "a claim leaves no doubt: what a dead worker sent is cancelled after a revoke",
        '    " doubt_until = :doubt_until, sent_as = c.sent_as, attempts = attempts + 1, fence = fence + 1"',
        '    " sent_as = c.sent_as, attempts = attempts + 1, fence = fence + 1"',
        LEASES,
    ),
    in_room(
        "delivery/outcomes",
        "a letter that nobody answers for is asked about for ever, though its consent was revoked",
        "    return consent is None or consent.state not in {one.value for one in LIVING | LETTERS_GO_ON}",
        "    return consent is None",
        DOUBT,
    ),
    in_room(
        "delivery/_store",
        "whoever has lost the lease of a letter still says what became of it",
        "WHERE id = w.letter_id AND fence = w.held RETURNING",
        "WHERE id = w.letter_id RETURNING",
        OUTCOMES,
    ),
    in_room(
        "delivery/outcomes",
        "a letter whose chain is held keeps the others waiting",
        "wait=alone)",
        "wait=True)",
        OUTCOMES,
        "postgresql",
    ),
    in_room(
        "delivery/reading",
        "a unit sees that a letter was opened",
        "    return await _deliveries(view, await _store.of_plan(view, plan_id), opened=False)",
        "    return await _deliveries(view, await _store.of_plan(view, plan_id), opened=True)",
        LISTENING,
    ),
    in_room(
        "delivery/history/listening",
        "an event that is told again is written again",
        "            new = [line for line in lines if line not in known]",
        "            new = [line for line in lines if line not in ()]",
        LISTENING,
    ),
    in_room(
        "delivery/attempt",
        "a failed look-up, or one that can't tell who she is, puts the letter on paper",
        "isinstance(identified, port.NotAUser) and identified.confirmed and self._may_print(letter)",
        "not isinstance(identified, port.User) and self._may_print(letter)",
        PRINTING,
    ),
    in_room(
        "consents/checks",
        "a letter goes on paper under words that say nothing of it",
        "(NOT_ON_PAPER, ask.address is not None and not purpose.delivers_on_paper)",
        "(NOT_ON_PAPER, ask.address is not None and not purpose.delivers_to_mailbox)",
        PRINTING,
    ),
    in_room(
        "plans/postal",
        "a protected address is taken",
        "        if protected:",
        "        if protected is None:",
        "tests/api/test_postal_addresses.py",
    ),
    in_room(
        "delivery/finding",
        "a failed look-up makes somebody a non-user",
        "            return Finding(None, reason, doubt_until=letter.doubt_until)\n\n\ndef not_taken",
        '            return Finding(Status.UNDELIVERABLE, "not-a-user")\n\n\ndef not_taken',
        WORKER,
    ),
)
