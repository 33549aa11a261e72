"""What a call tells, and what it may do: repeats, limits, who acts, and whether somebody is known."""

from __future__ import annotations

from tests.faults.fault import in_room

CONNECTIONS = "tests/app/test_connections.py"
RATES = "tests/identity/test_rates.py"
REPEATS = "tests/api/test_idempotency.py"
EXISTENCE = "tests/api/test_existence.py"
ACTING = "tests/api/test_acting_employee.py"

FAULTS = (
    in_room(
        "identity/counters",
        "a call fails because Redis is down",
        "            except (StorageError, RedisError, OSError) as failure:",
        "            except ZeroDivisionError as failure:",
        RATES,
    ),
    in_room(
        "identity/rates",
        "a person is counted under her number",
        '    return key.mac(b"rate limit 1\\x00" + digits.encode()).hex()',
        "    return digits",
        RATES,
    ),
    in_room(
        "audit/cef",
        "what somebody wrote makes a field of its own",
        '.replace("=", "\\\\=")',
        "",
        "tests/audit/test_cef.py",
    ),
    in_room(
        "audit/nav_log",
        "content is shown though its line was not written",
        'raise Unavailable("Nothing is shown just now. Repeat it with the same Idempotency-Key.") from None',
        "return",
        "tests/audit/test_nav_log.py",
    ),
    in_room(
        "api/units_releases",
        "a repeated showing is in no log of NAV's",
        "caller.unit.kind is UnitKind.NAV and not employee.machine:",
        "caller.unit.kind is UnitKind.NAV and not employee.machine and not answer.repeated:",
        "tests/api/test_nav_log.py",
    ),
    in_room(
        "api/units_mapping_requests",
        "nobody says who looks at a mapping request",
        "door.acting(Scope.MAPPING_READ)",
        "door.calling(Scope.MAPPING_READ)",
        "tests/api/test_route_table.py",
    ),
    in_room(
        "api/units_door",
        "who acts is made up where it is not said",
        'acting_employee(request.headers.getlist("acting-employee"))',
        """acting_employee(request.headers.getlist("acting-employee") or ['id="system", office="0"'])""",
        ACTING,
    ),
    in_room(
        "identity/employee",
        "nobody reads on whose behalf it was",
        'return said if self.supplier is None else {**said, "supplier": self.supplier}',
        "return said",
        ACTING,
    ),
    in_room(
        "consents/requests",
        "who asked is forgotten while the request waits",
        '"message": message, "by": by.detail()}',
        '"message": message, "by": {}}',
        ACTING,
    ),
    in_room(
        "plans/push",
        "who pushed a plan is not told",
        ", **hashes, **ready.by.detail()}",
        ", **hashes}",
        ACTING,
    ),
    in_room(
        "app/frame",
        "the last answer has no header of the others",
        "    app.middleware_stack = SecurityHeaders(observed, tls=tls)",
        "    observed._app = SecurityHeaders(observed._app, tls=tls)\n    app.middleware_stack = observed",
        "tests/app/test_frame.py",
    ),
    in_room(
        "app/connections",
        "empty lines keep a connection for ever",
        "(not self._called or self.cycle.response_complete)",
        "not self",
        CONNECTIONS,
    ),
    in_room(
        "app/connections",
        "a body may trickle in",
        "if what is _Awaited.HEADERS else self.body_seconds",
        "if what is _Awaited.HEADERS else 3600",
        CONNECTIONS,
    ),
    in_room(
        "consents/requests",
        "an asker hears what she had said to a unit that is closed",
        "    if consent.granted_at is not None or not is_open(consent, at):\n        return False\n",
        "    if State(consent.state) is not State.REQUESTED:\n        return False\n",
        "tests/consents/test_closing.py",
    ),
    in_room(
        "consents/receipts",
        "a receipt is shown whoever signed it, and whatever for",
        "    if not ours or (granted",
        "    if not found or (granted",
        "tests/api/test_changed_rows.py",
    ),
    in_room(
        "consents/reading",
        "what is shown of a consent is judged by its looks",
        "    return {consent.id for consent in found if intact(keys.rows, consent, steps.get(consent.id))}",
        "    return {consent.id for consent in found if steps is not None}",
        "tests/api/test_changed_rows.py",
    ),
    in_room(
        "consents/ledger",
        "who asks on a unit's behalf is not written down",
        "        if ask.supplier is not None:",
        "        if ask.supplier is None:",
        "tests/api/test_suppliers.py",
    ),
    in_room(
        "errors",
        "where an answer is lost, nothing was done",
        "        raise OutcomeUnknown from lost",
        "        raise",
        "tests/api/test_outcome_unknown.py",
    ),
    in_room(
        "api/units_releases",
        "what the answer needs is asked for when all is done",
        "        checkpoint = checkpoint_header(await door.checkpoints.of(None))  # had before anything is done\n"
        "        answer = await door.gate.release(ask)\n",
        "        answer = await door.gate.release(ask)\n"
        "        checkpoint = checkpoint_header(await door.checkpoints.of(None))\n",
        "tests/api/test_outcome_unknown.py",
    ),
    in_room(
        "web/visits",
        "who the sidecar says is there is not asked",
        "        session = session if vouched else None\n",
        "",
        "tests/web/test_sidecar.py",
    ),
    in_room(
        "identity/sidecar",
        "anybody whom the sidecar has logged in sees the first one's pages",
        "        return isinstance(person, CandidateToken) and person.pid == pid",
        "        return isinstance(person, CandidateToken)",
        "tests/web/test_sidecar.py",
    ),
    in_room(
        "identity/origin",
        "a form of another site is taken",
        "return origin == own and sec_fetch_site in",
        "return sec_fetch_site in",
        "tests/identity/test_origin.py",
    ),
    in_room(
        "api/idempotency",
        "a key means whatever came first under it",
        '    if kept["request"] != asked:',
        '    if not kept["request"]:',
        REPEATS,
    ),
    in_room(
        "api/idempotency",
        "two units share their keys",
        'aad("idempotency scope 1", self.unit_id, self.route, self.key)',
        'aad("idempotency scope 1", self.route, self.key)',
        REPEATS,
    ),
    in_room(
        "storage/joint",
        "a call shares a read that began before it",
        "                    found = await self._read(view, list({key: None for key, _ in asked}))\n",
        "                    found = await self._read(view, list({key: None for key, _ in asked}))\n"
        "                    asked, self._asked = asked + self._asked, []\n",
        "tests/storage/test_joint.py",
    ),
    # --- existence -----------------------------------------------------------------------------------
    in_room(
        "api/units_releases",
        "whose consent it is shows in the answer",
        "            raise NotAvailable\n",
        '            raise NotAvailable("Not yours." if answer.reason == "not_recipient" else NotAvailable.detail)\n',
        EXISTENCE,
    ),
    in_room(
        "audit/log",
        "to name nobody takes one more statement",
        "    if erased:\n",
        "    if erased or SERVICE_CHAIN in wanted:\n",
        EXISTENCE,
    ),
    in_room(
        "plans/authority",
        "a try that names nobody known is not written down",
        "    async with db.transaction() as tx:\n        heads, _ = await lock_concerned(",
        "    if candidate_id is None:\n        return\n"
        "    async with db.transaction() as tx:\n        heads, _ = await lock_concerned(",
        EXISTENCE,
    ),
    in_room(
        "plans/listing",
        "a request that is not there is found out with one read less",
        "        await find_for_unit(view, keys, unit_id, request_id, now=now)",
        "        pass",
        EXISTENCE,
    ),
    in_room(
        "api/units_consents",
        "looking for nobody is not written down",
        "            await append(tx, door.keys.service.log, heads.get(chain, heads[SERVICE_CHAIN]), entry, at=now)\n",
        "            if chain != SERVICE_CHAIN:\n"
        "                await append(tx, door.keys.service.log, heads[chain], entry, at=now)\n",
        EXISTENCE,
    ),
    in_room(
        "api/receipts",
        "the asker gets the receipt of a no",
        "    if unit and seen.terms is None:",
        "    if seen is None:",
        EXISTENCE,
        also=(('found = [row for row in found if row["type"] != "refused"]', "found = list(found)"),),
    ),
    in_room(
        "consents/reading",
        "the asker sees when she said no",
        "        ended_at=consent.ended_at if granted else consent.withdrawn_at,\n",
        "        ended_at=consent.ended_at,\n",
        EXISTENCE,
    ),
    in_room(
        "consents/requests",
        "the asker hears of a no before its time",
        "            not_before=reply_by,\n",
        "",
        "tests/consents/test_requests.py",
    ),
    in_room(
        "consents/requests",
        "anybody takes back a request",
        "    if first is None or first.requester_id != unit.id:",
        "    if first is None:",
        "tests/consents/test_requests.py",
    ),
    # --- letters -------------------------------------------------------------------------------------
    in_room(
        "delivery/attempt",
        "a letter is sent under a lease that has run out",
        "        if self._clock.now() >= attempt.leased_until - self._timing.margin:",
        "        if not attempt.leased_until:",
        "tests/delivery/test_leases.py",
    ),
    in_room(
        "delivery/attempt",
        "a letter in doubt is sent again without asking",
        "        if letter.doubt_until is not None:",
        "        if letter.doubt_until == 0:",
        "tests/delivery/test_doubt.py",
    ),
)
