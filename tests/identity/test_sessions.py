"""A session is in force for a while, for one browser, and its row tells nobody who it is."""

from __future__ import annotations

import pytest

from consent_service.clock import MINUTE, SECOND
from consent_service.crypto.envelope import new_key
from consent_service.crypto.service_keys import MacKey, SealKey
from consent_service.identity import sessions
from consent_service.identity.browser_values import hash_of, new_value
from consent_service.identity.logout_tokens import LoggedOut
from consent_service.identity.sessions import IDLE, LONGEST, Session
from consent_service.storage.engine import Database, Statement
from tests.support.issuers import KARI, OLA

NOW = 1_780_000_000_000_000
KEY = SealKey(new_key())
LOOKUP = MacKey(new_key())


async def begin(
    db: Database, pid: str = KARI.pid, *, at: int = NOW, sid: str | None = "there", sub: str | None = None
) -> str:
    """Somebody logs in."""
    subject = sessions.subject_of(LOOKUP, sub or pid)
    async with db.transaction() as tx:
        return await sessions.begin(tx, KEY, pid=pid, acr="idporten-loa-high", sid=sid, subject=subject, at=at)


async def hear(db: Database, *, sid: str | None, sub: str | None, jti: str = "1", until: int = NOW + MINUTE) -> bool:
    """The identity provider says that somebody logged out."""
    async with db.transaction() as tx:
        return await sessions.hear(tx, LOOKUP, LoggedOut(sid=sid, sub=sub, jti=jti, expires_at=until))


async def find(db: Database, value: str, *, at: int = NOW) -> Session | None:
    """The session of a cookie's value."""
    async with db.snapshot() as view:
        return await sessions.find(view, KEY, value, at=at)


async def get(db: Database, value: str, *, at: int = NOW) -> Session:
    """The session, which is in force."""
    session = await find(db, value, at=at)
    assert session is not None
    return session


async def test_a_session_tells_who_logged_in(db: Database) -> None:
    """The cookie's value leads to the person and her level; the number stays out of the repr."""
    session = await get(db, await begin(db))
    assert (session.pid, session.acr, session.sid, session.candidate_id) == (
        KARI.pid,
        "idporten-loa-high",
        "there",
        None,
    )
    assert KARI.pid not in repr(session)


async def test_the_row_holds_neither_the_value_nor_the_number(db: Database) -> None:
    """Whoever reads the database finds a hash and an envelope."""
    value = await begin(db)
    async with db.snapshot() as view:
        row = await view.row(Statement("SELECT * FROM session"))
    assert row is not None
    stored = b"|".join(v if isinstance(v, bytes) else str(v).encode() for v in dict(row).values())
    assert value.encode() not in stored
    assert KARI.pid.encode() not in stored, "nor where the provider names the person by it"


async def test_every_login_has_a_value_of_its_own(db: Database) -> None:
    """Two logins of one person are two sessions."""
    assert len({await begin(db), await begin(db), await begin(db)}) == 3


@pytest.mark.parametrize("value", ["", "x", "a" * 43, "a" * 44, "é" * 43, "a" * 42 + "\n", "a" * 42 + "="])
async def test_no_other_value_leads_anywhere(db: Database, value: str) -> None:
    """A value that nobody was given, in its form or not, is nobody's."""
    await begin(db)
    assert await find(db, value) is None


async def test_thirty_minutes_without_use_end_it(db: Database) -> None:
    """A use moves the end; without one it is over on the minute."""
    value = await begin(db)
    assert await find(db, value, at=NOW + IDLE) is None
    session = await get(db, value, at=NOW + IDLE - 1)
    async with db.transaction() as tx:
        await sessions.seen(tx, session, at=NOW + IDLE - 1)
    assert await find(db, value, at=NOW + 2 * IDLE - 2)
    assert await find(db, value, at=NOW + 2 * IDLE - 1) is None


async def test_eight_hours_end_it_however_much_it_is_used(db: Database) -> None:
    """The end of a working day is the end."""
    value = await begin(db)
    for at in range(NOW, NOW + LONGEST, 20 * MINUTE):
        session = await get(db, value, at=at)
        async with db.transaction() as tx:
            await sessions.seen(tx, session, at=at)
    assert await find(db, value, at=NOW + LONGEST - 1)
    assert await find(db, value, at=NOW + LONGEST) is None


async def test_a_use_is_noted_once_a_minute(db: Database) -> None:
    """Reading pages is seldom a write, and a clock set back does not move the last use back."""
    value = await begin(db)
    session = await get(db, value)
    assert not sessions.is_to_be_noted(session, at=NOW + MINUTE - 1)
    assert sessions.is_to_be_noted(session, at=NOW + MINUTE)
    async with db.transaction() as tx:
        await sessions.seen(tx, session, at=NOW - 5 * SECOND)
    assert (await get(db, value)).last_seen_at == NOW


async def test_logging_out_ends_one_session(db: Database) -> None:
    """The value leads nowhere afterwards; another browser's session stands."""
    here, there = await begin(db), await begin(db)
    async with db.transaction() as tx:
        await sessions.end(tx, here)
        await sessions.end(tx, "nobody's")
    assert await find(db, here) is None
    assert await find(db, there)


async def test_a_candidate_who_comes_back_is_named_from_the_start(db: Database) -> None:
    """Her session is hers before she does anything in it, so that erasure elsewhere ends it."""
    async with db.transaction() as tx:
        value = await sessions.begin(
            tx, KEY, pid=KARI.pid, acr="idporten-loa-high", sid=None, at=NOW, candidate_id="kari"
        )
    assert (await get(db, value)).candidate_id == "kari"
    async with db.transaction() as tx:
        assert await sessions.end_of_candidate(tx, "kari") == 1
    assert await find(db, value) is None


async def test_erasure_ends_every_session_of_the_person(db: Database) -> None:
    """Those that were named hers, and nobody else's."""
    hers, hers_too, his = await begin(db), await begin(db), await begin(db, OLA.pid)
    async with db.transaction() as tx:
        for value, candidate_id in ((hers, "kari"), (hers_too, "kari"), (his, "ola")):
            session = await sessions.find(tx, KEY, value, at=NOW)
            assert session is not None
            await sessions.name(tx, session, candidate_id)
    assert (await get(db, his)).candidate_id == "ola"
    async with db.transaction() as tx:
        assert await sessions.end_of_candidate(tx, "kari") == 2
    assert [await find(db, value) is None for value in (hers, hers_too, his)] == [True, True, False]


async def test_a_logout_at_the_provider_ends_what_that_login_began(db: Database) -> None:
    """By the provider's session id; a session without one is not touched."""
    here, other, without = await begin(db), await begin(db, sid="elsewhere"), await begin(db, sid=None)
    async with db.transaction() as tx:
        assert await sessions.end_of_login(tx, "there") == 1
    assert [await find(db, value) is None for value in (here, other, without)] == [True, False, False]


@pytest.mark.parametrize("sid", ["", "a b", "\x00", "there\n", "é", "t" * 256])
async def test_what_is_no_session_id_ends_nothing(db: Database, sid: str) -> None:
    """Anybody may ask on the front channel: no text of theirs upsets a database."""
    here = await begin(db)
    async with db.transaction() as tx:
        assert await sessions.end_of_login(tx, sid) == 0
    assert await find(db, here)


@pytest.mark.parametrize(
    ("sid", "sub", "ended"),
    [
        ("there", None, [True, False, False, False]),
        ("there", KARI.pid, [True, False, True, False]),
        (None, KARI.pid, [True, True, True, False]),
        ("nowhere", OLA.pid, [False, False, False, False]),
    ],
)
async def test_a_logout_token_ends_what_it_is_about(
    db: Database, sid: str | None, sub: str | None, ended: list[bool]
) -> None:
    """The login that it names; the person's sessions that name none; all of hers where the token names none."""
    values = [
        await begin(db),
        await begin(db, sid="elsewhere"),
        await begin(db, sid=None),
        await begin(db, OLA.pid, sid="his"),
    ]
    assert await hear(db, sid=sid, sub=sub)
    assert [await find(db, value) is None for value in values] == ended


async def test_a_logout_token_is_heard_once(db: Database) -> None:
    """A second time it ends nothing; what it was remembered for is swept when it would not count any more."""
    assert await hear(db, sid="there", sub=None)
    later = await begin(db)
    assert not await hear(db, sid="there", sub=None)
    assert await hear(db, sid="elsewhere", sub=None, jti="2")
    assert await find(db, later)
    async with db.transaction() as tx:
        assert await sessions.lapse(tx, at=NOW + MINUTE - 1) == 0
        assert await sessions.lapse(tx, at=NOW + MINUTE) == 2


async def test_naming_one_session_names_the_person_s_others(db: Database) -> None:
    """Whoever became a candidate in one browser erases herself from the other as well."""
    here, there, his = await begin(db), await begin(db), await begin(db, OLA.pid)
    async with db.transaction() as tx:
        await sessions.name(tx, await get(db, here), "kari")
    async with db.transaction() as tx:
        assert await sessions.end_of_candidate(tx, "kari") == 2
    assert [await find(db, value) is None for value in (here, there, his)] == [True, True, False]


async def test_what_has_lapsed_is_swept(db: Database) -> None:
    """Rows of sessions that are over do not stay."""
    old, young = await begin(db, at=NOW - IDLE), await begin(db)
    async with db.transaction() as tx:
        assert await sessions.lapse(tx, at=NOW) == 1
        assert await sessions.lapse(tx, at=NOW) == 0
    assert await find(db, old, at=NOW - IDLE) is None
    assert await find(db, young)


async def test_a_number_that_was_moved_to_another_row_opens_nothing(db: Database) -> None:
    """Whoever writes in the database can't log in as another: the seal is bound to its session."""
    mine, hers = await begin(db, OLA.pid), await begin(db)
    move = Statement(
        "UPDATE session SET sealed_pid = (SELECT sealed_pid FROM session WHERE id_hash = :source)"
        " WHERE id_hash = :target"
    )
    async with db.transaction() as tx:
        assert await tx.run(move, source=hash_of(hers), target=hash_of(mine)) == 1
    assert await find(db, mine) is None


async def test_the_csrf_token_is_the_sessions_own(db: Database) -> None:
    """It is the same on every page of a session, and no other session's."""
    mine, other = await begin(db), await begin(db)
    session = await get(db, mine)
    token = sessions.csrf_token(session)
    assert token == sessions.csrf_token(await get(db, mine))
    assert sessions.csrf_holds(session, token)
    for wrong in ("", token[:-1], token + "A", "é", sessions.csrf_token(await get(db, other)), new_value()):
        assert not sessions.csrf_holds(session, wrong)


def test_the_cookie_is_bound_to_the_host_wherever_it_can_be() -> None:
    """``__Host-`` over https; plain http on loopback can't have it."""
    assert sessions.cookie_name(secure=True) == "__Host-session"
    assert sessions.cookie_name(secure=False) == "session"
