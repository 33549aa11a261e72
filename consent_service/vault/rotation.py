"""Rotation of the master key: every wrapped key is wrapped anew, a batch at a time, while the service runs.

Content is never touched: what changes is how candidates', recipients' and service keys are wrapped, and the check value
beside them. Each batch is a transaction of its own, and a key is replaced only where it still is what was read: so
rotation may be killed and begun again at any point, and run twice at once, and loses nothing.

A version is destroyed in three steps, so that no key is left that needs it:

1. the floor is raised: from then on no transaction stores a key that was wrapped under it (those that were
   about to are waited for)
2. what needs it is counted, by the wrapped keys' own word; if anything does, the answer is no
3. the provider destroys it
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import structlog

from consent_service.crypto.moving import Moving
from consent_service.crypto.providers import KeyProvider, MasterKeys, UnwrapRefused
from consent_service.storage.engine import Database, Row
from consent_service.vault import _store
from consent_service.vault.wrapping import wrapping_context

BATCH = 200
_AT_ONCE = 16  # calls of the provider
_NOTHING = 2**62  # no provider gets to that version

_log = structlog.get_logger()

Advance = Callable[[int], None]
"""Told how many more keys have been gone through."""


@dataclass(frozen=True)
class Needs:
    """How many wrapped keys need each master version."""

    by_version: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All wrapped keys."""
        return sum(self.by_version.values())

    def through(self, version: int) -> int:
        """Those that need ``version`` or one before it."""
        return sum(count for needed, count in self.by_version.items() if needed <= version)


@dataclass(frozen=True)
class Rewrapped:
    """What a rotation did: keys wrapped anew, and keys that no version opens (an alarm names each in the log)."""

    done: int
    broken: int


@dataclass(frozen=True)
class Retired:
    """The versions that were destroyed."""

    versions: tuple[int, ...]


@dataclass(frozen=True)
class StillNeeded:
    """Nothing was destroyed: ``keys`` keys need the version or one before it, or it is the newest."""

    keys: int


async def needs(db: Database, provider: KeyProvider) -> Needs:
    """What the wrapped keys need, by their own word."""
    counted: dict[int, int] = {}
    for owner in _store.WRAPPED:
        async for page in _pages(db, owner):
            for row in page:
                version = provider.version_of(row["wrapped"])
                counted[version] = counted.get(version, 0) + 1
    return Needs(dict(sorted(counted.items())))


async def rewrap(db: Database, provider: MasterKeys, advance: Advance = lambda _: None) -> Rewrapped:
    """Wrap every key under the newest version. Safe to interrupt, and to begin again. Raises KeyProviderDown."""
    newest = (await provider.versions())[-1].version
    done = turns = 0
    while True:
        moved = broken = 0
        for owner in _store.WRAPPED:
            async for page in _pages(db, owner):
                old = [row for row in page if provider.version_of(row["wrapped"]) != newest]
                fresh = await _wrapped_anew(provider, owner, old)
                moved += await _swap(db, owner, fresh)
                broken += len(old) - len(fresh)
                advance(0 if turns else len(page))
        done, turns = done + moved, turns + 1
        if not moved:  # what others stored behind our back during a turn is met in the next
            return Rewrapped(done, broken)


async def retire(db: Database, provider: MasterKeys, version: int) -> Retired | StillNeeded:
    """Destroy ``version`` and those before it, unless a key needs one of them. See the steps above.

    Raises StorageUnavailable when others are storing keys for too long, KeyProviderDown.
    """
    versions = [one.version for one in await provider.versions()]
    if version >= versions[-1]:
        return StillNeeded((await needs(db, provider)).through(version))
    async with db.transaction() as tx:
        await _store.raise_floor(tx, provider.kind, version + 1)
    needing = (await needs(db, provider)).through(version)
    if needing:
        return StillNeeded(needing)
    await provider.remove_through(version)
    return Retired(tuple(one for one in versions if one <= version))


async def move(db: Database, provider: Moving, advance: Advance = lambda _: None) -> Rewrapped:
    """Wrap every key that the other provider holds under this one. Safe to interrupt, and to begin again.

    At its end nothing that the other one wrapped can be stored any more, and nothing of it is left, unless ``broken``.
    Raises KeyProviderDown.
    """
    oldest = (await provider.versions())[0].version
    async with db.transaction() as tx:
        await _store.raise_floor(tx, provider.kind, oldest, lower=True)  # keys may have moved away from here before
    first = await rewrap(db, provider, advance)
    async with db.transaction() as tx:
        await _store.raise_floor(tx, provider.other.kind, _NOTHING)
    last = await rewrap(db, provider)
    return Rewrapped(first.done + last.done, last.broken)


async def _pages(db: Database, owner: str) -> AsyncIterator[list[Row]]:
    after = ""
    while True:
        async with db.snapshot() as view:
            page = await _store.wrapped_keys(view, owner, after=after, limit=BATCH)
        if page:
            yield page
        if len(page) < BATCH:
            return
        after = page[-1]["id"]


async def _wrapped_anew(provider: KeyProvider, owner: str, rows: list[Row]) -> list[tuple[Row, bytes]]:
    """The rows with their keys under the newest version, but for those that do not open."""
    answers: list[bytes | BaseException] = []
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        asked = (provider.rewrap(row["wrapped"], wrapping_context(owner, row["id"])) for row in some)
        answers += await asyncio.gather(*asked, return_exceptions=True)
    fresh = []
    for row, answer in zip(rows, answers, strict=True):
        if isinstance(answer, UnwrapRefused):
            _log.error("a wrapped key does not open", what=owner, item=row["id"], alarm="keys")
        elif isinstance(answer, BaseException):
            raise answer
        else:
            fresh.append((row, answer))
    return fresh


async def _swap(db: Database, owner: str, fresh: list[tuple[Row, bytes]]) -> int:
    if not fresh:
        return 0
    async with db.transaction() as tx:
        tx.scrub_after_commit()  # the key as the old version wrapped it is what must not linger
        swapped = [await _store.swap_wrapped(tx, owner, row["id"], row["wrapped"], key) for row, key in fresh]
    return sum(swapped)
