"""A person's session with our pages: everything on the server, a random value in the browser.

Rules: 30 minutes without use or 8 hours in all end it; every login makes a new value (so that one planted in
the browser beforehand is worth nothing); the database holds the value's hash and the identity number sealed. The
CSRF token is bound to the session by a secret of its own and never changes within it.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field

from consent_service.clock import HOUR, MINUTE
from consent_service.crypto.envelope import SealBroken, aad
from consent_service.crypto.service_keys import MacKey, SealKey
from consent_service.identity import _store
from consent_service.identity.browser_values import hash_of, is_value, new_value
from consent_service.identity.claims import is_text
from consent_service.identity.compact import base64url_encode
from consent_service.identity.logout_tokens import LoggedOut
from consent_service.storage.engine import Row, Snapshot, Transaction

IDLE = 30 * MINUTE
"""Not longer than ID-porten's own."""

LONGEST = 8 * HOUR

_SEEN_EVERY = MINUTE  # so that reading a page is seldom a write


@dataclass(frozen=True, slots=True)
class Session:
    """A session in force. ``candidate_id`` is None until somebody has looked the person up.

    ``sid`` and ``subject``: what the identity provider calls this login, and the person (``subject_of``).
    """

    id_hash: bytes = field(repr=False)
    candidate_id: str | None
    pid: str = field(repr=False)
    acr: str
    sid: str | None
    subject: bytes | None = field(repr=False)
    csrf_secret: bytes = field(repr=False)
    last_seen_at: int


def cookie_name(*, secure: bool) -> str:
    """The session cookie's name. ``secure`` is false only for plain http on loopback, where ``__Host-`` can't be."""
    return "__Host-session" if secure else "session"


def subject_of(key: MacKey, sub: str) -> bytes:
    """What stands in a session for the identity provider's name of a person: some of them use an identity number."""
    return key.mac(b"session-subject" + sub.encode())


async def begin(
    tx: Transaction,
    key: SealKey,
    *,
    pid: str,
    acr: str,
    sid: str | None,
    at: int,
    subject: bytes | None = None,
    candidate_id: str | None = None,
) -> str:
    """Begin a session after a login; the cookie's value. End the browser's earlier one with ``end``.

    ``candidate_id`` is given for a person who is a candidate already, so that erasure finds the session; for one who
    becomes a candidate later, ``name`` says it.
    """
    value = new_value()
    id_hash = hash_of(value)
    session = {
        "id_hash": id_hash,
        "candidate_id": candidate_id,
        "sealed_pid": key.seal(pid.encode(), _aad(id_hash)),
        "acr": acr,
        "sid": sid,
        "subject": subject,
        "csrf_secret": os.urandom(32),
    }
    await _store.add_session(tx, session, at=at)
    return value


async def find(view: Snapshot, key: SealKey, value: str, *, at: int) -> Session | None:
    """The session of a cookie's value, if it is in force at ``at``. Anything else is None, and looks alike."""
    if not is_value(value):
        return None
    row = await _store.find_session(view, hash_of(value), seen_after=at - IDLE, begun_after=at - LONGEST)
    return None if row is None else _open(row, key)


async def seen(tx: Transaction, session: Session, *, at: int) -> None:
    """Note that the session is in use."""
    await _store.session_seen(tx, session.id_hash, at)


def is_to_be_noted(session: Session, *, at: int) -> bool:
    """Whether a use at ``at`` is worth a write: once a minute."""
    return at >= session.last_seen_at + _SEEN_EVERY


async def name(tx: Transaction, session: Session, candidate_id: str) -> None:
    """Say whose session it is, and so whose the person's other ones are, so that erasure finds them all."""
    await _store.name_session(tx, session.id_hash, session.subject, candidate_id)


async def end(tx: Transaction, value: str) -> None:
    """End the session of a cookie's value, if there is one: logout, or a new login."""
    if is_value(value):
        await _store.end_session(tx, hash_of(value))


async def end_of_candidate(tx: Transaction, candidate_id: str) -> int:
    """End every session of a person: erasure. How many there were."""
    return await _store.end_sessions_of(tx, candidate_id)


async def end_of_login(tx: Transaction, sid: str) -> int:
    """End the sessions that one login at the identity provider began: it says the person logged out.

    A text that is no ``sid`` ends none.
    """
    return await _store.end_sessions_of_login(tx, sid=sid, subject=None) if is_text(sid) else 0


async def hear(tx: Transaction, key: MacKey, said: LoggedOut) -> bool:
    """End the sessions that a logout token is about; False, and nothing done, if it was heard before.

    Those of its ``sid``, and of its ``sub`` where the login or the token gave no ``sid``.
    """
    jti_hash = hashlib.sha256(said.jti.encode()).digest()
    if not await _store.hear_logout(tx, jti_hash=jti_hash, until=said.expires_at):
        return False
    subject = None if said.sub is None else subject_of(key, said.sub)
    await _store.end_sessions_of_login(tx, sid=said.sid, subject=subject)
    return True


async def lapse(tx: Transaction, *, at: int) -> int:
    """Remove the sessions that have ended by themselves, and heard tokens that have lapsed; how many there were."""
    lapsed = await _store.lapse_sessions(tx, seen_before=at - IDLE, begun_before=at - LONGEST)
    return lapsed + await _store.lapse_logouts(tx, now=at)


def csrf_token(session: Session) -> str:
    """What every form of the session carries."""
    return base64url_encode(hmac.digest(session.csrf_secret, b"csrf 1" + session.id_hash, hashlib.sha256))


def csrf_holds(session: Session, token: str) -> bool:
    """Whether ``token`` is the session's own, compared in constant time."""
    return hmac.compare_digest(csrf_token(session).encode(), token.encode(errors="replace"))


def _open(row: Row, key: SealKey) -> Session | None:
    id_hash = bytes(row["id_hash"])
    try:
        pid = key.open(bytes(row["sealed_pid"]), _aad(id_hash)).decode()
    except SealBroken:
        return None  # a changed row, or another key: nobody is logged in
    return Session(
        id_hash=id_hash,
        candidate_id=row["candidate_id"],
        pid=pid,
        acr=row["acr"],
        sid=row["sid"],
        subject=None if row["subject"] is None else bytes(row["subject"]),
        csrf_secret=bytes(row["csrf_secret"]),
        last_seen_at=row["last_seen_at"],
    )


def _aad(id_hash: bytes) -> bytes:
    return aad("1", "session", id_hash.hex())
