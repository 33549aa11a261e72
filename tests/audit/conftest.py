"""A log with everything in it: several chains, one of a person who was erased, signed, not yet signed, not numbered."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from consent_service.audit import sequencer
from consent_service.audit.closing import close
from consent_service.audit.log import SERVICE_CHAIN, Entry, append, lock, open_chain
from consent_service.audit.notes import VerifierKey
from consent_service.audit.verification.tree import Kept
from consent_service.audit.verification.verify import Verified, verify
from consent_service.clock import SECOND
from consent_service.crypto.service_keys import (
    CHECKPOINTS,
    CheckpointKey,
    ServiceKeys,
    Signers,
    new_secrets,
    service_keys,
)
from consent_service.storage.engine import Database

ORIGIN = "example.org/log"
NOON = 1_780_000_000_000_000
ANNA, BERIT, ERASED = "anna", "berit", "erased"
CHAINS = (ANNA, BERIT, ERASED, SERVICE_CHAIN)
UNIT = "6a3a1cf4-41bd-4bb4-9f4b-4d1ab32f0a55"


@dataclass
class Log:
    """The log, and who writes it."""

    db: Database
    keys: ServiceKeys
    signers: Signers
    now: int = NOON

    @property
    def verifier(self) -> VerifierKey:
        """Who signs its checkpoints."""
        return VerifierKey(ORIGIN, self.signers.signing.public)

    async def write(self, *chains: str) -> None:
        """One more entry in each of ``chains``."""
        self.now += SECOND
        async with self.db.transaction() as tx:
            for head in (await lock(tx, chains)).values():
                entry = Entry("release.refused", "unit", unit_id=UNIT, outcome="unknown", detail={"office": "0501"})
                await append(tx, self.keys.log, head, entry, at=self.now)

    async def erase(self, chain: str) -> None:
        """Its person is erased."""
        self.now += SECOND
        async with self.db.transaction() as tx:
            head = (await lock(tx, [chain]))[chain]
            await append(tx, self.keys.log, head, Entry("person.erased", "candidate"), at=self.now)
            await close(tx, self.keys.log, head)

    async def number(self) -> None:
        """The sequencer numbers what waits."""
        async with self.db.transaction() as tx:
            await sequencer.sequence(tx, self.keys.log, holder="test", now=self.now)

    async def sign(self) -> str:
        """The sequencer numbers, and signs; the note."""
        await self.number()
        self.now += 20 * SECOND
        async with self.db.transaction() as tx:
            await sequencer.sign_checkpoint(tx, self.signers, ORIGIN, holder="test", now=self.now)
            note = await sequencer.newest_note(tx)
        assert note is not None
        return note

    async def verified(self, *kept: Kept, keys: tuple[VerifierKey, ...] = ()) -> Verified:
        """What an operator is told."""
        async with self.db.snapshot() as view:
            return await verify(view, self.keys.log, (self.verifier, *keys), kept=kept)

    async def attacks(self, *kept: Kept) -> set[str]:
        """The names of what was done to it."""
        return {attack for finding in (await self.verified(*kept)).findings for attack in finding.attacks}


async def begun(db: Database, *chains: str) -> Log:
    """A log of chains without entries."""
    secrets = new_secrets()
    signing = CheckpointKey(secrets.pop(CHECKPOINTS))
    log = Log(db, service_keys(secrets), Signers(signing))
    async with db.transaction() as tx:
        for chain in chains:
            await open_chain(tx, chain, at=NOON)
    return log


@pytest.fixture
async def log(db: Database) -> Log:
    """Entries 0 to 5 of each chain are signed, 6 is numbered and not signed, 7 waits; one chain was ended at 6."""
    log = await begun(db, *CHAINS)
    for number in range(6):
        await log.write(*CHAINS)
        if number == 2:
            await log.sign()
    await log.sign()
    await log.erase(ERASED)
    await log.write(ANNA, BERIT, SERVICE_CHAIN)
    await log.number()
    await log.write(ANNA, BERIT, SERVICE_CHAIN)
    return log
