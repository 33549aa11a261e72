"""Tables and statements of this room: units and their clients, logins under way, sessions."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlmodel import Field, SQLModel

from consent_service.audit.log import beside
from consent_service.storage.engine import Row, Snapshot, Statement, Transaction


class UnitRow(SQLModel, table=True):
    """A party. ``enabled`` is 0 or 1; ``successor_id`` is for people to turn to, and inherits nothing.

    ``clients`` is who calls as it (JSON), ``position`` the place in its chain of the entry that wrote the row, and
    ``mac`` covers every other column.
    """

    __tablename__ = "unit"

    id: str = Field(primary_key=True)
    organisation_number: str
    unit_code: str
    name: str
    region: str
    kind: str
    enabled: int = Field(sa_column=Column(BigInteger, nullable=False))
    privacy_email: str | None
    privacy_phone: str | None
    successor_id: str | None
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    closed_at: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    clients: str
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    mac: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class UnitClientRow(SQLModel, table=True):
    """Where to find the unit that a client at Maskinporten calls as: what counts is that the unit's row says so too.

    The key makes one registered client one unit's.
    """

    __tablename__ = "unit_client"

    organisation_number: str = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    unit_id: str = Field(foreign_key="unit.id")


class LoginAttemptRow(SQLModel, table=True):
    """A login under way: single-use, minutes long. What the browser holds stands here as hashes only."""

    __tablename__ = "login_attempt"

    state_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    browser_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    nonce: str
    code_verifier: str
    return_to: str
    anew: int = Field(sa_column=Column(BigInteger, nullable=False))
    begun_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


class SessionRow(SQLModel, table=True):
    """A person logged in. The cookie's value stands here as its hash, the identity number sealed.

    ``subject`` is a keyed hash of what the issuer calls the person.
    """

    __tablename__ = "session"

    id_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    candidate_id: str | None = Field(index=True)
    sealed_pid: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    acr: str
    sid: str | None = Field(index=True)
    subject: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True, index=True))
    csrf_secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_seen_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


class LogoutTokenRow(SQLModel, table=True):
    """A logout token that was heard, until it would count no more anyhow."""

    __tablename__ = "logout_token"

    jti_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    until: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


CHAIN = "registry-"
"""What a unit's own chain in the log is called, before its id: after every candidate's, and before the service's."""

_UNIT = tuple(UnitRow.model_fields)
_HEAD, _BESIDE = beside(f"'{CHAIN}' || u.id")
_UNITS = f"{', '.join(f'u.{name}' for name in _UNIT[:-1])}, u.mac AS row_mac, {_HEAD}"
_ADD_UNIT = Statement(f"INSERT INTO unit ({', '.join(_UNIT)}) VALUES ({', '.join(f':{name}' for name in _UNIT)})")
_CHANGE_UNIT = Statement(f"UPDATE unit SET {', '.join(f'{name} = :{name}' for name in _UNIT[1:])} WHERE id = :id")
_UNITS_BY_ID = Statement(f"SELECT {_UNITS} FROM unit u {_BESIDE} WHERE u.id IN (:ids[])")
_ALL_UNITS = Statement(f"SELECT {_UNITS} FROM unit u {_BESIDE} ORDER BY u.region, u.kind, u.name, u.id")
_UNITS_BY_CLIENTS = Statement(
    f"SELECT i.organisation_number AS consumer, i.client_id, {_UNITS}"
    f" FROM unit_client i JOIN unit u ON u.id = i.unit_id {_BESIDE} WHERE i.client_id IN (:client_ids[])"
)
_HOLD_UNITS = Statement("SELECT id FROM unit WHERE id IN (:ids[]) ORDER BY id {for_share}")

_ADD_CLIENT = Statement(
    "INSERT INTO unit_client (organisation_number, client_id, unit_id)"
    " VALUES (:organisation_number, :client_id, :unit_id)"
)
_REMOVE_CLIENT = Statement(
    "DELETE FROM unit_client WHERE organisation_number = :organisation_number AND client_id = :client_id"
)
_CLIENTS = Statement("SELECT organisation_number, client_id, unit_id FROM unit_client")

_BEGIN_LOGIN = Statement(
    "INSERT INTO login_attempt (state_hash, browser_hash, nonce, code_verifier, return_to, anew, begun_at)"
    " VALUES (:state_hash, :browser_hash, :nonce, :code_verifier, :return_to, :anew, :begun_at)"
)
_TAKE_LOGIN = Statement(
    "DELETE FROM login_attempt WHERE state_hash = :state_hash AND browser_hash = :browser_hash AND begun_at > :after"
    " RETURNING nonce, code_verifier, return_to, anew, begun_at"
)
_LAPSE_LOGINS = Statement("DELETE FROM login_attempt WHERE begun_at <= :before")

_ADD_SESSION = Statement(
    "INSERT INTO session (id_hash, candidate_id, sealed_pid, acr, sid, subject, csrf_secret, created_at, last_seen_at)"
    " VALUES (:id_hash, :candidate_id, :sealed_pid, :acr, :sid, :subject, :csrf_secret, :at, :at)"
)
_SESSION = Statement(
    "SELECT id_hash, candidate_id, sealed_pid, acr, sid, subject, csrf_secret, last_seen_at FROM session"
    " WHERE id_hash = :id_hash AND last_seen_at > :seen_after AND created_at > :begun_after"
)
_SEEN = Statement("UPDATE session SET last_seen_at = :at WHERE id_hash = :id_hash AND last_seen_at < :at")
_NAME = Statement("UPDATE session SET candidate_id = :candidate_id WHERE id_hash = :id_hash OR subject = :subject")
_END = Statement("DELETE FROM session WHERE id_hash = :id_hash")
_END_OF_CANDIDATE = Statement("DELETE FROM session WHERE candidate_id = :candidate_id")
_END_OF_LOGIN = Statement(
    "DELETE FROM session WHERE sid = :sid OR (subject = :subject AND (sid IS NULL OR :whole = 1))"
)
_LAPSE_SESSIONS = Statement("DELETE FROM session WHERE last_seen_at <= :seen_before OR created_at <= :begun_before")

_HEAR_LOGOUT = Statement("INSERT INTO logout_token (jti_hash, until) VALUES (:jti_hash, :until) ON CONFLICT DO NOTHING")
_LAPSE_LOGOUTS = Statement("DELETE FROM logout_token WHERE until <= :now")


async def add_unit(tx: Transaction, unit: dict[str, Any]) -> None:
    """A new unit with every column of ``unit``."""
    await tx.run(_ADD_UNIT, **unit)


async def change_unit(tx: Transaction, unit: dict[str, Any]) -> None:
    """Write every column of a unit that is there."""
    await tx.run(_CHANGE_UNIT, **unit)


async def units(view: Snapshot, unit_ids: Sequence[str]) -> list[Row]:
    """The units with these ids, each beside the head of its chain; its own MAC is called ``row_mac``."""
    return await view.rows(_UNITS_BY_ID, ids=unit_ids)


async def all_units(view: Snapshot) -> list[Row]:
    """Every unit, by region, kind and name; columns as in ``units``."""
    return await view.rows(_ALL_UNITS)


async def units_by_clients(view: Snapshot, client_ids: Sequence[str]) -> list[Row]:
    """Units with each client of theirs among ``client_ids`` (``consumer``, ``client_id``); columns as in ``units``."""
    return await view.rows(_UNITS_BY_CLIENTS, client_ids=client_ids)


async def hold_units(tx: Transaction, unit_ids: Sequence[str]) -> None:
    """Keep the units with these ids as they are until the transaction ends."""
    await tx.rows(_HOLD_UNITS, ids=unit_ids)


async def add_client(tx: Transaction, *, organisation_number: str, client_id: str, unit_id: str) -> None:
    """Say where a client is to be found. Raises Duplicate when it is some unit's already."""
    await tx.run(_ADD_CLIENT, organisation_number=organisation_number, client_id=client_id, unit_id=unit_id)


async def remove_client(tx: Transaction, *, organisation_number: str, client_id: str) -> None:
    """Let a client be found no more."""
    await tx.run(_REMOVE_CLIENT, organisation_number=organisation_number, client_id=client_id)


async def clients(view: Snapshot) -> list[Row]:
    """Where each client is to be found."""
    return await view.rows(_CLIENTS)


async def begin_login(
    tx: Transaction,
    *,
    state_hash: bytes,
    browser_hash: bytes,
    nonce: str,
    code_verifier: str,
    return_to: str,
    anew: int,
    begun_at: int,
) -> None:
    """Write down a login under way."""
    await tx.run(
        _BEGIN_LOGIN,
        state_hash=state_hash,
        browser_hash=browser_hash,
        nonce=nonce,
        code_verifier=code_verifier,
        return_to=return_to,
        anew=anew,
        begun_at=begun_at,
    )


async def take_login(tx: Transaction, *, state_hash: bytes, browser_hash: bytes, after: int) -> Row | None:
    """Remove and answer a login begun after ``after`` by this browser: one statement, so that one caller gets it."""
    return await tx.row(_TAKE_LOGIN, state_hash=state_hash, browser_hash=browser_hash, after=after)


async def lapse_logins(tx: Transaction, before: int) -> int:
    """Remove logins begun at ``before`` or earlier."""
    return await tx.run(_LAPSE_LOGINS, before=before)


async def add_session(tx: Transaction, session: dict[str, Any], *, at: int) -> None:
    """A new session with every other column of ``session``, of a candidate or of nobody known yet."""
    await tx.run(_ADD_SESSION, **session, at=at)


async def find_session(view: Snapshot, id_hash: bytes, *, seen_after: int, begun_after: int) -> Row | None:
    """The session, unless it has lapsed."""
    return await view.row(_SESSION, id_hash=id_hash, seen_after=seen_after, begun_after=begun_after)


async def session_seen(tx: Transaction, id_hash: bytes, at: int) -> None:
    """Move the session's last use forward."""
    await tx.run(_SEEN, id_hash=id_hash, at=at)


async def name_session(tx: Transaction, id_hash: bytes, subject: bytes | None, candidate_id: str) -> None:
    """Say whose session it is, and so the same person's others."""
    await tx.run(_NAME, id_hash=id_hash, subject=subject, candidate_id=candidate_id)


async def end_session(tx: Transaction, id_hash: bytes) -> int:
    """Remove one session; how many there were."""
    return await tx.run(_END, id_hash=id_hash)


async def end_sessions_of(tx: Transaction, candidate_id: str) -> int:
    """Remove a candidate's sessions; how many there were."""
    return await tx.run(_END_OF_CANDIDATE, candidate_id=candidate_id)


async def end_sessions_of_login(tx: Transaction, *, sid: str | None, subject: bytes | None) -> int:
    """Remove the sessions of one login there, and the person's that name none, or all of hers if ``sid`` is None."""
    return await tx.run(_END_OF_LOGIN, sid=sid, subject=subject, whole=int(sid is None))


async def lapse_sessions(tx: Transaction, *, seen_before: int, begun_before: int) -> int:
    """Remove sessions last used, or begun, too long ago."""
    return await tx.run(_LAPSE_SESSIONS, seen_before=seen_before, begun_before=begun_before)


async def hear_logout(tx: Transaction, *, jti_hash: bytes, until: int) -> bool:
    """Whether the logout token is heard for the first time."""
    return await tx.run(_HEAR_LOGOUT, jti_hash=jti_hash, until=until) == 1


async def lapse_logouts(tx: Transaction, *, now: int) -> int:
    """Remove heard tokens that would count no more."""
    return await tx.run(_LAPSE_LOGOUTS, now=now)
