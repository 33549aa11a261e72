"""Every envelope is counted: no column of sealed bytes is left out of what ``vault reseal`` looks at."""

from __future__ import annotations

import pytest
import sqlalchemy

from consent_service.app.envelopes import ENVELOPES, WRAPPED, formats
from consent_service.app.migrations.tables import metadata
from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import LocalKeyring
from consent_service.storage.engine import Database, Statement

# Bytes that are no envelopes: hashes, MACs, what a MAC or hash covers, and a session's random bytes.
NO_ENVELOPES = {
    "chain.digest",
    "chain.mac",
    "checkpoint.root",
    "consent.row_mac",
    "consent.terms",
    "consent.terms_mac",
    "entry.body",
    "entry.digest",
    "kept_answer.scope_mac",
    "login_attempt.browser_hash",
    "login_attempt.state_hash",
    "logout_token.jti_hash",
    "node.digest",
    "number_proof.session_hash",
    "number_proposal.commitment",
    "number_proposal.mac",
    "person_number.mac",
    "receipt.mac",
    "release.mac",
    "session.csrf_secret",
    "session.id_hash",
    "session.subject",
    "standing_refusal.mac",
    "unit.mac",
}


def test_every_column_of_bytes_is_known() -> None:
    """A column of bytes is an envelope, or stands here as something else: a new one must be thought about."""
    found = {
        f"{table.name}.{column.name}"
        for table in metadata().sorted_tables
        for column in table.columns
        if isinstance(column.type, sqlalchemy.LargeBinary)
    }
    listed = {column.name for column in (*ENVELOPES, *WRAPPED)}
    assert found - NO_ENVELOPES == listed
    assert not listed & NO_ENVELOPES


async def test_what_is_no_envelope_is_told(db: Database) -> None:
    """Formats are counted by place, and a value that is no envelope of ours is not passed over."""
    add = Statement(
        "INSERT INTO waiting_item (id, lookup, kind, payload, from_unit, created_at, lapses_at)"
        " VALUES (:id, 'x', 'consent_request', :payload, 'u', 0, 0)"
    )
    async with db.transaction() as tx:
        for number, payload in enumerate((b"CS\x01" + bytes(90), b"CS\x01" + bytes(91), b"CS\x09" + bytes(90), b"x")):
            await tx.run(add, id=str(number), payload=payload)
    async with db.snapshot() as view:
        found = await formats(view)
    assert found.by_place["waiting_item.payload"] == {1: 2}
    assert found.strange == {"waiting_item.payload": 2}
    assert found.old == 0


async def test_keys_that_a_keyring_wrapped_are_counted(db: Database) -> None:
    """A format goes only when no wrapped key is in it either; what a key service answered is no envelope of ours."""
    add = Statement("INSERT INTO candidate_key (candidate_id, wrapped) VALUES (:id, :wrapped)")
    keyring = LocalKeyring({1: new_key(), 2: new_key()})
    wrapped = [await keyring.wrap(new_key(), b""), await LocalKeyring({1: new_key()}).wrap(new_key(), b"")]
    async with db.transaction() as tx:
        for number, value in enumerate((*wrapped, b"vault:v1:AAAA", b"\0\0\0\1CS\x09" + bytes(90), b"x")):
            await tx.run(add, id=str(number), wrapped=value)
    async with db.snapshot() as view:
        found = await formats(view)
    assert found.by_place["candidate_key.wrapped"] == {1: 2}
    assert found.strange == {"candidate_key.wrapped": 2}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_what_is_of_another_type_is_no_envelope(db: Database) -> None:
    """SQLite takes text in a column of bytes, also text that begins as an envelope does."""
    async with db.transaction() as tx:
        await tx.run(Statement("INSERT INTO candidate_key (candidate_id, wrapped) VALUES ('a', 'text')"))
        add = "INSERT INTO waiting_item (id, lookup, kind, payload, from_unit, created_at, lapses_at)"
        await tx.run(Statement(f"{add} VALUES ('a', 'x', 'consent_request', :head, 'u', 0, 0)"), head="CS\x01")
    async with db.snapshot() as view:
        assert (await formats(view)).strange == {"candidate_key.wrapped": 1, "waiting_item.payload": 1}
