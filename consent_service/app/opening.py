"""Opening the database and its keys, and refusing what does not belong together.

Rules: a database of another schema is refused; a master key that is not the database's is refused before anything is
read or written. Only for an empty SQLite database outside production is a schema or a keyring made by itself:
anywhere else a key that appears by accident would hide that the right one is missing.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from consent_service.app import master_keys
from consent_service.app.migrate import is_current, migrate
from consent_service.audit.log import SERVICE_CHAIN, open_chain
from consent_service.clock import Clock
from consent_service.crypto.providers import KeysUnfit, MasterKeys
from consent_service.settings import Misconfigured, Settings
from consent_service.storage.engine import Database
from consent_service.storage.lease import held
from consent_service.storage.opening import open_database
from consent_service.vault.keys import (
    Keys,
    RelookupUnfinished,
    ServiceKeysMissing,
    WrongMasterKey,
    add_later_keys,
    create_service_keys,
    has_keys,
    open_keys,
)
from consent_service.vault.lookup_key import Change, begin

_SQLITE = "sqlite:///"
_SCHEMES = (_SQLITE, "postgresql://", "postgres://")


class Unready(Exception):
    """The service can't start as things are; the message says what an operator has to do."""


@dataclass(frozen=True)
class Opened:
    """An open database and the keys that belong to it."""

    db: Database
    provider: MasterKeys
    keys: Keys = field(repr=False)


def database_url(settings: Settings) -> str:
    """Where the database is. Raises Misconfigured."""
    url = settings.database_url.get_secret_value()
    if not url:
        raise Misconfigured("CONSENT_DATABASE_URL is not set")
    if not url.startswith(_SCHEMES):
        raise Misconfigured("CONSENT_DATABASE_URL starts with sqlite:/// or postgresql://")
    return url


def makes_its_own(settings: Settings) -> bool:
    """Whether this is the embedded default, which sets itself up."""
    return not settings.production and database_url(settings).startswith(_SQLITE)


async def open_service(settings: Settings, clock: Clock) -> Opened:
    """The database and its keys. Raises Unready, Misconfigured, StorageUnavailable, KeyProviderDown."""
    db = await _open_current(settings)
    try:
        provider = await _provider(settings, db, clock)
        if makes_its_own(settings) and not await _has_keys(db):
            await create_service_keys(db, provider)
        elif makes_its_own(settings):
            await _add_later_keys(db, provider)
        keys = await _open_keys(db, provider, clock)
        async with db.transaction() as tx:
            await open_chain(tx, SERVICE_CHAIN, at=clock.now())
    except BaseException:
        await db.close()
        raise
    return Opened(db, provider, keys)


async def init_keys(settings: Settings, clock: Clock) -> bool:
    """Make the master key, if there is none, and the database's service keys that are not there; whether any was made.

    Raises Unready if the database has keys already and the master key is missing: a new one could open nothing.
    """
    db = await _open_current(settings)
    try:
        if await _has_keys(db):
            try:
                provider = await _find(settings, make=clock if settings.other_key_provider else None)
            except Unready as missing:
                raise Unready(f"The database has keys already: put back what belongs to it. {missing}") from None
            added = await _add_later_keys(db, provider)
            await _open_keys(db, provider, clock)
            return added
        await create_service_keys(db, await _find(settings, make=clock))
        return True
    finally:
        await db.close()


@asynccontextmanager
async def lookup_change(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Database, MasterKeys, Change]]:
    """The database while its lookup key is being changed. Raises as ``open_service``, and Unready if anybody works."""
    db = await _open_current(settings)
    try:
        async with db.snapshot() as view:
            busy = await held(view, now=clock.now())
        if busy:
            raise Unready("Processes of the service are running, or ended a moment ago: stop all, and wait 15 seconds.")
        if not await _has_keys(db):
            raise Unready("The database has no keys yet. Run: consent-service keys init")
        provider = await _find(settings)
        with _said():
            yield db, provider, await begin(db, provider, clock)
    finally:
        await db.close()


async def _open_current(settings: Settings) -> Database:
    url = database_url(settings)
    if makes_its_own(settings):
        await migrate(url)
    elif not await is_current(url):
        raise Unready("The database's schema is not this version's. Run: consent-service migrate")
    return await open_database(url)


async def _provider(settings: Settings, db: Database, clock: Clock) -> MasterKeys:
    by_itself = settings.key_provider == "keyring" and makes_its_own(settings) and not await _has_keys(db)
    return await _find(settings, make=clock if by_itself else None)


async def _find(settings: Settings, *, make: Clock | None = None) -> MasterKeys:
    """The provider with its master key; a fresh one if there is none and ``make`` says what day it is."""
    try:
        return await (master_keys.find(settings) if make is None else master_keys.find_or_make(settings, make))
    except KeysUnfit as unfit:
        raise Unready(str(unfit)) from None


async def _open_keys(db: Database, provider: MasterKeys, clock: Clock) -> Keys:
    if not await _has_keys(db):
        raise Unready("The database has no keys yet. Run: consent-service keys init")
    with _said():
        return await open_keys(db, provider, clock)


async def _add_later_keys(db: Database, provider: MasterKeys) -> bool:
    with _said():
        return await add_later_keys(db, provider)


@contextmanager
def _said() -> Iterator[None]:
    """What is wrong with the keys, as what an operator has to do."""
    try:
        yield
    except WrongMasterKey:
        raise Unready(
            "The master key is not the one that this database was made with. If its keys are moving from one provider "
            "to another, name both: CONSENT_OTHER_KEY_PROVIDER"
        ) from None
    except ServiceKeysMissing as missing:
        if missing.lost:
            raise Unready(f"Service keys are gone from the database: {missing}. Restore it from a backup.") from None
        raise Unready(f"This version has service keys of its own: {missing}. Run: consent-service keys init") from None
    except RelookupUnfinished:
        raise Unready("People are half moved to another lookup key. Finish it: consent-service keys relookup") from None


async def _has_keys(db: Database) -> bool:
    async with db.snapshot() as view:
        return await has_keys(view)
