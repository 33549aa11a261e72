"""Granting and ending."""

from __future__ import annotations

from tests.faults.fault import in_room

GATE = "tests/consents/test_gate.py"
GRANTS = "tests/consents/test_grants.py"
REQUESTS = "tests/consents/test_requests.py"
ENDINGS = "tests/consents/test_endings.py"
STANDING = "tests/consents/test_standing_refusals.py"
COUNTER = "tests/consents/test_counter.py"
COMMITS = "tests/consents/test_commits.py"
TURNSTILE = "tests/storage/test_turnstile.py"
PUT_BACK = "tests/consents/test_put_back.py"

FAULTS = (
    in_room(
        "consents/drawing",
        "the preview's hash is not compared",
        "    if shown.sha256 != yes.preview_sha256:",
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
        "consents/drawing",
        "a consent may last for ever",
        "<= at + (longest + 1) * DAY:",
        "<= at + (longest + 1) * DAY * 1000:",
        GRANTS,
    ),
    in_room(
        "consents/drawing",
        "granted against a standing refusal",
        "    if {choice.recipient.id, str(choice.recipient.kind)} & refused.keys():",
        "    if choice is None:",
        "tests/consents/test_standing_refusals.py",
    ),
    in_room(
        "consents/grants",
        "a grant has no receipt",
        "    await receipts.issue_granted(tx, desk, *("
        "(one.terms, place) for one, place in zip(drawn, places, strict=True)))\n",
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
        "    await destroy(tx, *({one.consent.id for one in ends} - going_on))\n",
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
        "consents/states",
        "a revoke after the end says revoked",
        "    return State.EXPIRED if valid_until is not None and now >= valid_until else wanted",
        "    return wanted",
        GATE,
    ),
    in_room(
        "consents/drawing",
        "granted when nobody can say who is refused",
        "        raise Tampered\n    if {choice",
        "        refused = {}\n    if {choice",
        STANDING,
    ),
    in_room(
        "consents/ends",
        "anybody may revoke at the counter",
        "        elif whose != head.chain_id:\n",
        "        elif whose is head:\n",
        COUNTER,
    ),
    in_room(
        "consents/ends",
        "a changed row is believed at the counter",
        "        if consent is None or whose is None or not intact(desk.keys.rows, consent, steps.get(consent_id)):\n",
        "        if consent is None or whose is None:\n",
        COUNTER,
    ),
    in_room(
        "consents/counter",
        "one chain that is held keeps everybody at the counter waiting",
        "[one.candidate_id for one in members], wait=alone)",
        "[one.candidate_id for one in members], wait=True)",
        COUNTER,
        "postgresql",
    ),
    in_room(
        "consents/counter",
        "two acts of one candidate are done at once",
        "        yeses = [(heads[whose], one) for whose, one in first.items() if isinstance(one, Yes)]\n"
        "        noes = [(heads[whose], one.consent_id) for whose, one in first.items() if isinstance(one, _No)]\n",
        "        here = [(heads[one.candidate_id], one) for one in members if one.candidate_id in heads]\n"
        "        yeses = [(head, one) for head, one in here if isinstance(one, Yes)]\n"
        "        noes = [(head, one.consent_id) for head, one in here if isinstance(one, _No)]\n",
        COUNTER,
    ),
    in_room(
        "storage/turnstile",
        "the first caller of a batch takes it along when she goes",
        "            self._turning = asyncio.create_task(self._turn(), name=self._name)\n",
        "            self._turning = asyncio.create_task(self._turn(), name=self._name)\n"
        "            await self._turning\n",
        TURNSTILE,
        GATE,
    ),
    in_room(
        "storage/turnstile",
        "what may have been committed is done again",
        "                working = False\n",
        "",
        TURNSTILE,
    ),
    in_room(
        "storage/turnstile",
        "answered before the commit",
        "                answers = await self._work(tx, [one.member for one in batch], alone)\n",
        "                answers = await self._work(tx, [one.member for one in batch], alone)\n"
        "                _answer(batch, answers)\n",
        TURNSTILE,
        COMMITS,
    ),
    in_room(
        "consents/states",
        "the asker can tell a no from silence",
        "frozenset({State.REQUESTED, State.PENDING_CONFIRMATION, State.REFUSED, State.LAPSED})",
        "frozenset({State.REQUESTED, State.PENDING_CONFIRMATION, State.LAPSED})",
        "tests/consents/test_states.py",
        REQUESTS,
    ),
    in_room(
        "consents/standing",
        "a row put back to when it was nobody's is believed",
        " and last_step == stands",
        " and (not bound or last_step == stands)",
        PUT_BACK,
        "tests/audit/test_consents_rows.py",
    ),
    in_room(
        "consents/endings",
        "what is shared under a row that is nobody's can't be ended",
        "    if (consent is None or consent.candidate_id is None) and await recipients(",
        "    if consent is None and await recipients(",
        PUT_BACK,
    ),
    in_room(
        "consents/sweep",
        "what can't be ended keeps others from ending",
        "            except Exception as fault:",
        "            except ZeroDivisionError as fault:",
        "tests/consents/test_sweep.py",
    ),
    in_room(
        "rights/lapsing",
        "a kind that fails leaves the next undone",
        "    except Exception as fault:",
        "    except ZeroDivisionError as fault:",
        "tests/rights/test_lapsing.py",
    ),
    in_room(
        "audit/places",
        "a head that was put back keeps her from ending",
        "    if not is_sound(key, head) or head.length < behind:",
        "    if not is_sound(key, head):",
        PUT_BACK,
    ),
    in_room(
        "consents/evidence",
        "who comes while her request is read sets off the alarm",
        "if one.candidate_id is None and one.id in steps]:",
        "if one.candidate_id is heads and one.id in steps]:",
        PUT_BACK,
        "postgresql",
    ),
    in_room(
        "consents/endings",
        "a chain that was closed keeps her from ending",
        "        if not await destroy_of(tx, consent_id, candidate_id):\n            raise\n",
        "        raise\n",
        PUT_BACK,
    ),
    in_room(
        "consents/gate",
        "a chain that somebody else closed alarms nobody",
        "        if consent.candidate_id in gone and not isinstance(finding.answer, Refused):\n",
        "        if consent is None:\n",
        PUT_BACK,
    ),
)
