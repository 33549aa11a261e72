"""What a receipt that somebody kept shows: an entry that is gone, or another, where the database alone looks whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from consent_service.audit.log import Entry, append, lock
from consent_service.audit.verification.receipts import Witness
from consent_service.audit.verification.verify import verify
from consent_service.clock import SECOND
from consent_service.storage.engine import Database, Statement
from tests.audit.conftest import ANNA, BERIT, Log, begun
from tests.audit.tampering import heads_proofs, put_back, rewrite, tamper
from tests.audit.test_verification import EVERYWHERE, deleted

CONSENT = "6a3a1cf4-41bd-4bb4-9f4b-4d1ab32f0a77"
HEADS = Statement("SELECT chain_id, steps FROM chain")

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


async def granted(log: Log) -> Witness:
    """Anna grants a consent; the receipt that she keeps."""
    log.now += SECOND
    async with log.db.transaction() as tx:
        head = (await lock(tx, [ANNA]))[ANNA]
        entry = Entry("consent.granted", "candidate", consent_id=CONSENT, changes_state=True, detail={})
        made = await append(tx, log.keys.log, head, entry, at=log.now)
    return Witness("receipt.jws", CONSENT, made.position, made.digest)


async def named(log: Log, *witnesses: Witness) -> list[tuple[str, ...]]:
    """What verification names, finding by finding."""
    async with log.db.snapshot() as view:
        found = (await verify(view, log.keys.log, (log.verifier,), witnesses=witnesses)).findings
    return [finding.attacks for finding in found]


async def put_back_to(log: Log, since: Callable[[], Awaitable[None]]) -> None:
    """``since`` happens, is signed, and is taken out of every table again, with the heads as they were."""
    proofs = await heads_proofs(log.db)
    async with log.db.snapshot() as view:
        steps = [dict(row) for row in await view.rows(HEADS)]
    await since()
    await log.sign()
    await tamper(
        log.db,
        "DELETE FROM leaf WHERE leaf_index >= 2",
        "DELETE FROM node WHERE (node_index + 1) * (1 << CAST(level AS INTEGER)) > 2",
        "DELETE FROM checkpoint WHERE size > 2",
        "DELETE FROM entry_detail WHERE position >= 1",
    )
    for chain in (ANNA, BERIT):
        await rewrite(log.db, chain, deleted(-1))
    for head in steps:
        await tamper(log.db, "UPDATE chain SET steps = :steps WHERE chain_id = :chain_id", **head)
    await put_back(log.db, proofs)


async def test_a_cut_log_shows_by_a_receipt(db: Database) -> None:
    """A5: cut with its newest checkpoint, the log looks whole; that an entry was there the receipt alone says."""
    log = await begun(db, ANNA, BERIT)
    await log.write(ANNA, BERIT)
    await log.sign()
    kept: list[Witness] = []

    async def since() -> None:
        await log.write(BERIT)
        kept.append(await granted(log))

    await put_back_to(log, since)
    assert await named(log) == []
    assert await named(log, *kept) == [("A5", "A9", "A10", "A11", "A14")]


async def test_a_chain_that_is_gone_everywhere_shows_by_a_receipt(db: Database) -> None:
    """A9: before it was numbered nothing else spoke of it."""
    log = await begun(db, ANNA, BERIT)
    await log.write(BERIT)
    await log.sign()
    receipt = await granted(log)
    assert await named(log, receipt) == []
    await tamper(db, *(f"DELETE FROM {table} WHERE chain_id = 'anna'" for table in (*EVERYWHERE, "chain")))
    assert await named(log) == []
    assert await named(log, receipt) == [("A5", "A9", "A10", "A11", "A14")]


async def test_a_chain_that_is_here_was_not_deleted(db: Database) -> None:
    """Where the log speaks of the consent elsewhere, her chain is not said to be gone."""
    log = await begun(db, ANNA, BERIT)
    receipt = await granted(log)
    other = Witness("other.jws", CONSENT, receipt.position, bytes(32))
    assert await named(log, receipt, other) == [("A5", "A10", "A11", "A14")]


async def test_a_receipt_outlives_an_erasure(db: Database) -> None:
    """The entry of a person who was erased is still here: no alarm."""
    log = await begun(db, ANNA, BERIT)
    receipt = await granted(log)
    await log.erase(ANNA)
    await log.sign()
    assert await named(log, receipt) == []
