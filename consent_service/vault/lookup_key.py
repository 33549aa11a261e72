"""Another lookup key in place of one that got out. While people are moved, both are there, and the service is not.

The new key lies beside the old one from when it is made until everybody is moved: so the moving can be interrupted, and
a process that starts meanwhile refuses (``keys.RelookupUnfinished``).
"""

from dataclasses import dataclass

from consent_service.clock import Clock
from consent_service.crypto.envelope import new_key
from consent_service.crypto.providers import KeyProvider
from consent_service.crypto.service_keys import MacKey
from consent_service.storage.engine import Database, Duplicate
from consent_service.vault import _store
from consent_service.vault.keys import NEXT_LOOKUP, Keys, keys_of, open_secrets
from consent_service.vault.wrapping import demand_storable, wrapping_context

_LOOKUP = "lookup"


@dataclass(frozen=True)
class Change:
    """A change of the lookup key that has begun: everything as it was, and the key that comes."""

    keys: Keys
    new: MacKey


async def begin(db: Database, provider: KeyProvider, clock: Clock) -> Change:
    """Make the new key, or go on with the one that was made. Raises WrongMasterKey, KeyProviderDown."""
    if NEXT_LOOKUP not in await open_secrets(db, provider):
        wrapped = await provider.wrap(new_key(), wrapping_context("service", NEXT_LOOKUP))
        try:
            async with db.transaction() as tx:
                await demand_storable(tx, provider, wrapped)
                await _store.add_service_keys(tx, {NEXT_LOOKUP: wrapped})
        except Duplicate:
            pass  # another operator was first, and that key holds
    secrets = await open_secrets(db, provider)
    new = secrets.pop(NEXT_LOOKUP)
    return Change(keys_of(db, provider, secrets, clock), MacKey(new))


async def give_up(db: Database) -> None:
    """Forget the new key, under which nobody was put: the service starts with the old one as before."""
    async with db.transaction() as tx:
        tx.scrub_after_commit()
        await _store.drop_service_keys(tx, NEXT_LOOKUP)


async def finish(db: Database, provider: KeyProvider) -> None:
    """Let the new key take the old one's place, which is destroyed. Everybody has been moved."""
    secrets = await open_secrets(db, provider)
    wrapped = await provider.wrap(secrets[NEXT_LOOKUP], wrapping_context("service", _LOOKUP))
    async with db.transaction() as tx:
        tx.scrub_after_commit()
        await demand_storable(tx, provider, wrapped)
        await _store.drop_service_keys(tx, _LOOKUP, NEXT_LOOKUP)
        await _store.add_service_keys(tx, {_LOOKUP: wrapped})
