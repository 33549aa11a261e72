"""Who is calling, and what a call tells: tokens, sessions, repeats, and whether somebody is known."""

from __future__ import annotations

from tests.faults.fault import in_room

TOKENS = "tests/identity/test_tokens.py"
ATTACKS = "tests/identity/attacks/test_validator.py"
SESSIONS = "tests/identity/test_sessions.py"
UNITS = "tests/identity/test_units.py"
CONNECTIONS = "tests/app/test_connections.py"
RATES = "tests/identity/test_rates.py"
REPEATS = "tests/api/test_idempotency.py"
EXISTENCE = "tests/api/test_existence.py"
WORKER = "tests/delivery/test_worker.py"

FAULTS = (
    in_room(
        "identity/units",
        "a unit's row is whatever somebody wrote",
        '    if not _holds(row["mac"], lambda: _mac(key, columns)):',
        "    if not columns:",
        UNITS,
    ),
    in_room(
        "identity/units",
        "a client calls as whatever unit somebody wrote",
        "    holds = _holds(mac, lambda: _client_mac(key, columns))",
        "    holds = bool(columns)",
        UNITS,
    ),
    in_room(
        "identity/units",
        "a changed unit is written over",
        "    if _unit(key, row) is None:",
        "    if not row:",
        UNITS,
    ),
    in_room(
        "identity/units",
        "a closed unit is enabled again",
        '    if row["closed_at"] is not None:',
        "    if not row:",
        UNITS,
    ),
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
        "identity/callers",
        "what a unit is bounds nothing",
        "    named = _named(prefix, unit.kind)",
        "    named = {name: scope for kind in UnitKind for name, scope in _named(prefix, kind).items()}",
        "tests/api/test_wall.py",
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
        "identity/candidate_tokens",
        "a person's token that was made for somebody else is taken",
        "    if audience not in claims.audience(said):",
        "    if not said:",
        ATTACKS,
    ),
    in_room(
        "identity/candidate_tokens",
        "whoever TokenX says has logged a person in is believed",
        '        if claims.text(token.claims, "idp") not in self.providers | {self.issuer.identifier}:',
        '        if not claims.text(token.claims, "idp"):',
        ATTACKS,
    ),
    in_room(
        "identity/unit_tokens",
        "a unit's token that was made for another API is taken",
        '        if self.audience is None and not audience <= {"unspecified"}:',
        "        if not said:",
        ATTACKS,
    ),
    in_room(
        "identity/unit_tokens",
        "a unit's token for everybody is taken where ours is demanded",
        "        if self.audience is not None and self.audience not in audience:",
        "        if not said:",
        TOKENS,
    ),
    in_room(
        "identity/candidate_tokens",
        "any level of login suffices",
        "    if acr not in levels:",
        "    if not acr:",
        ATTACKS,
    ),
    in_room(
        "identity/tokens",
        "a login that was begun by somebody else is taken",
        '        if said.get("nonce") != nonce:',
        '        if not said.get("nonce"):',
        "tests/identity/test_id_tokens.py",
    ),
    in_room(
        "identity/tokens",
        "a token that was verified once is good for ever",
        "if known is not None and self._clock.now() < known.expires_at:",
        "if known is not None:",
        TOKENS,
    ),
    in_room(
        "identity/candidate_tokens",
        "an id_token calls",
        '    claims.refuse(said, "nonce", "at_hash", "events", "cnf", "authorization_details", "act")\n',
        "",
        ATTACKS,
    ),
    in_room(
        "identity/unit_tokens",
        "a person in a unit's token is let pass",
        'claims.refuse(said, "pid", "acr", ',
        "claims.refuse(said, ",
        ATTACKS,
    ),
    in_room(
        "identity/claims",
        "a token's end is not looked at",
        "    if now >= expires + leeway:",
        "    if expires < 0:",
        ATTACKS,
    ),
    in_room(
        "identity/signatures",
        "a token says itself how it is signed",
        "    if token.alg not in algorithms:",
        "    if not token.alg:",
        TOKENS,
    ),
    in_room(
        "identity/compact",
        "one token has several texts",
        "    if base64url_encode(raw) != segment:",
        "    if not raw:",
        ATTACKS,
    ),
    in_room(
        "identity/compact",
        "a claim that is named twice is read once",
        "    if len(members) != len(pairs):",
        "    if not members and pairs:",
        ATTACKS,
    ),
    in_room(
        "identity/published_keys",
        "any key of the issuer's will do",
        "    fitting = {key for key in keys if key.kid == kid and key.alg in {None, alg}}",
        "    fitting = {key for key in keys if key.alg in {None, alg}}",
        ATTACKS,
    ),
    in_room(
        "identity/issuers",
        "a fetch serves those who came while it was under way",
        "self._fetches_begun > come",
        "self._fetches_begun >= come > 1",
        "tests/identity/test_issuers.py",
    ),
    in_room(
        "identity/issuers",
        "a rotation is spent as a forgery is",
        "                self._refetches.give_back()",
        "                pass",
        "tests/identity/test_issuers.py",
    ),
    in_room(
        "identity/callers",
        "a unit may do what its kind may, whatever its token says",
        "frozenset(named[name] for name in token.scopes if name in named)",
        "frozenset(named.values())",
        UNITS,
    ),
    in_room(
        "identity/callers",
        "a career centre may fetch content",
        "frozenset({Scope.NOTES_DRAFT})",
        "frozenset({Scope.NOTES_DRAFT, Scope.CONTENT_READ})",
        UNITS,
    ),
    in_room(
        "identity/origin",
        "a form of another site is taken",
        "return origin == own and sec_fetch_site in",
        "return sec_fetch_site in",
        "tests/identity/test_origin.py",
    ),
    in_room(
        "identity/sessions",
        "any CSRF token holds",
        'return hmac.compare_digest(csrf_token(session).encode(), token.encode(errors="replace"))',
        "return bool(token)",
        SESSIONS,
    ),
    in_room(
        "identity/sessions",
        "a session lasts for ever",
        "seen_after=at - IDLE, begun_after=at - LONGEST)",
        "seen_after=0, begun_after=0)",
        SESSIONS,
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
        WORKER,
    ),
    in_room(
        "delivery/attempt",
        "a letter in doubt is sent again without asking",
        "        if letter.doubt_until is not None:",
        "        if letter.doubt_until == 0:",
        WORKER,
    ),
)
