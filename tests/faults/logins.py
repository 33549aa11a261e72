"""Logging in and out: what is asked for in the open, who may come in, and whose word ends a session."""

from __future__ import annotations

from tests.faults.fault import in_room

CALLS = "tests/identity/test_login_calls.py"
LOGOUTS = "tests/identity/test_logout_tokens.py"
SESSIONS = "tests/identity/test_sessions.py"
ENTERING = "tests/web/test_entering.py"
AGES = "tests/persons/test_ages.py"

FAULTS = (
    in_room(
        "identity/client_calls",
        "a request that was not taken counts as pushed",
        "        if status != 201 or not isinstance(request_uri, str):",
        "        if not isinstance(request_uri, str):",
        CALLS,
    ),
    in_room(
        "identity/login",
        "an issuer that demands pushed requests gets them in the open",
        "        if endpoint is None or (metadata.demands_pushed and pushing is None):",
        "        if endpoint is None:",
        CALLS,
    ),
    in_room(
        "identity/logout_tokens",
        "an id_token logs somebody out",
        '        if "nonce" in said:  #',
        '        if "nonces" in said:  #',
        LOGOUTS,
    ),
    in_room(
        "identity/logout_tokens",
        "a token without the event logs somebody out",
        "        if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):",
        "        if not isinstance(events, dict):",
        LOGOUTS,
    ),
    in_room(
        "identity/_store",
        "a logout token is heard again and again",
        "    return await tx.run(_HEAR_LOGOUT, jti_hash=jti_hash, until=until) == 1",
        "    return await tx.run(_HEAR_LOGOUT, jti_hash=jti_hash, until=until) >= 0",
        SESSIONS,
    ),
    in_room(
        "identity/_store",
        "a session of another browser stays nobody's",
        "WHERE id_hash = :id_hash OR subject = :subject",
        "WHERE id_hash = :id_hash AND subject = :subject",
        SESSIONS,
    ),
    in_room(
        "web/logout",
        "whoever knows a session's name may end it",
        "        if ours and len(sids) == 1:",
        "        if len(sids) == 1:",
        ENTERING,
    ),
    in_room(
        "identity/login",
        "somebody who came for another is let in",
        "        if person.represents:",
        "        if not person.pid:",
        ENTERING,
    ),
    in_room(
        "persons/ages",
        "a number from 2032 on tells the century",
        "told=on < rule.new_style_from)",
        "told=True)",
        AGES,
    ),
)
