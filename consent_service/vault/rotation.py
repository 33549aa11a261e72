"""Rotation of the master key: every wrapped key is wrapped anew, a batch at a time, while the service runs.

Content is never touched: what changes is how candidates', recipients' and service keys are wrapped, and the check value
beside them. Each batch is a transaction of its own, and a key is replaced only where it still is what was read: so
rotation may be killed and begun again at any point, and run twice at once, and loses nothing.

A wrapped key that does not open holds up no other: it is left, an alarm in the log names whose it is, and it counts as
needing its version only until an operator says that it is given up.

A version is destroyed in three steps, so that no key is left that needs it:

1. the floor is raised: from then on no transaction stores a key that was wrapped under it (those that were
   about to are waited for)
2. what needs it, by the wrapped keys' own word, is tried; if anything opens, the answer is no, and if anything does
   not, it is no until it is given up
3. the provider destroys it
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date

import structlog

from consent_service.crypto.moving import Moving
from consent_service.crypto.providers import KeyProvider, MasterKeys, UnwrapRefused
from consent_service.storage.engine import Database, Row
from consent_service.vault import _store
from consent_service.vault.wrapping import wrapping_context

BATCH = 200
_AT_ONCE = 16  # calls of the provider
_NOTHING = 2**62  # no provider gets to that version
_CLOSED = "a wrapped key does not open"

_Named = tuple[str, str]  # whose kind of key it is, and whose

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
class Begun:
    """A rotation to ``version``, ``fresh`` or made by one that was interrupted; there are so many ``keys`` in all."""

    version: int
    fresh: bool
    keys: int


@dataclass(frozen=True)
class Ahead:
    """No version was made: ``keys`` keys need a later one than there is here (an alarm names each in the log).

    They are broken, or this keyring is an old copy, and the version made here would not be the one of that number.
    """

    keys: int


@dataclass(frozen=True)
class Retired:
    """The versions that were destroyed."""

    versions: tuple[int, ...]


@dataclass(frozen=True)
class StillNeeded:
    """Nothing was destroyed: ``keys`` keys need the version or one before it, or it is the newest."""

    keys: int


@dataclass(frozen=True)
class Broken:
    """Nothing was destroyed: ``keys`` keys say that they need it, and do not open (an alarm names each in the log)."""

    keys: int


async def needs(db: Database, provider: KeyProvider) -> Needs:
    """What the wrapped keys need, by their own word."""
    counted: dict[int, int] = {}
    for owner in _store.WRAPPED:
        async for page in _pages(db, owner):
            for row in page:
                version = _version(provider, row)
                counted[version] = counted.get(version, 0) + 1
    return Needs(dict(sorted(counted.items())))


async def begin(db: Database, provider: MasterKeys, today: date, *, but_broken: bool = False) -> Begun | Ahead:
    """Make the next version, unless a key that opens is not under the newest yet; ``rewrap`` has to follow.

    ``but_broken``: also where keys need a later version than there is. Raises KeyProviderDown.
    """
    found, newest = await needs(db, provider), (await provider.versions())[-1].version
    if await _broken(db, provider, newest - 1) is None:
        return Begun(newest, fresh=False, keys=found.total)
    ahead = [(owner, row["id"]) async for owner, rows in _where(db, provider, lambda one: one > newest) for row in rows]
    if ahead and not but_broken:
        _tell("a wrapped key needs a master version that is not here", ahead)
        return Ahead(len(ahead))
    return Begun((await provider.add_version(today)).version, fresh=True, keys=found.total)


async def rewrap(db: Database, provider: MasterKeys, advance: Advance = lambda _: None) -> Rewrapped:
    """Wrap every key under the newest version. Safe to interrupt, and to begin again. Raises KeyProviderDown."""
    newest = (await provider.versions())[-1].version
    done = turns = 0
    while True:
        moved, broken = 0, []
        for owner in _store.WRAPPED:
            async for page in _pages(db, owner):
                old = [row for row in page if _version(provider, row) < newest]
                fresh, refused = await _wrapped_anew(provider, owner, old)
                moved += await _swap(db, owner, fresh)
                broken += refused
                advance(0 if turns else len(page))
        done, turns = done + moved, turns + 1
        if not moved:  # what others stored behind our back during a turn is met in the next
            _tell(_CLOSED, broken)
            return Rewrapped(done, len(broken))


async def retire(
    db: Database, provider: MasterKeys, version: int, *, but_broken: bool = False
) -> Retired | StillNeeded | Broken:
    """Destroy ``version`` and those before it, unless a key needs one of them. See the steps above.

    ``but_broken``: keys that do not open are given up; what a backup has of them opens no more either. Raises
    StorageUnavailable when others are storing keys for too long, KeyProviderDown.
    """
    versions = [one.version for one in await provider.versions()]
    if version >= versions[-1]:
        return StillNeeded((await needs(db, provider)).through(version))
    async with db.transaction() as tx:
        await _store.raise_floor(tx, provider.kind, version + 1)
    broken = await _broken(db, provider, version)
    if broken is None:
        return StillNeeded((await needs(db, provider)).through(version))
    if broken and not but_broken:
        _tell(_CLOSED, broken)
        return Broken(len(broken))
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


async def _where(
    db: Database, provider: KeyProvider, wanted: Callable[[int], bool]
) -> AsyncIterator[tuple[str, list[Row]]]:
    """The keys whose version is ``wanted``, a page at a time, with whose kind they are of."""
    for owner in _store.WRAPPED:
        async for page in _pages(db, owner):
            if rows := [row for row in page if wanted(_version(provider, row))]:
                yield owner, rows


async def _broken(db: Database, provider: KeyProvider, version: int) -> list[_Named] | None:
    """Of the keys that need ``version`` or one before it, those that do not open; None if any does."""
    broken = []
    async for owner, rows in _where(db, provider, lambda needed: needed <= version):
        fresh, refused = await _wrapped_anew(provider, owner, rows)
        if fresh:
            return None
        broken += refused
    return broken


def _version(provider: KeyProvider, row: Row) -> int:
    """As ``version_of``. 0 for a value of another type than bytes, which SQLite takes too."""
    return provider.version_of(row["wrapped"]) if isinstance(row["wrapped"], bytes) else 0


async def _wrapped_anew(
    provider: KeyProvider, owner: str, rows: list[Row]
) -> tuple[list[tuple[Row, bytes]], list[_Named]]:
    """The rows with their keys under the newest version, and those that do not open."""
    answers: list[bytes | BaseException] = []
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        asked = (provider.rewrap(row["wrapped"], wrapping_context(owner, row["id"])) for row in some)
        answers += await asyncio.gather(*asked, return_exceptions=True)
    fresh, refused = [], []
    for row, answer in zip(rows, answers, strict=True):
        if isinstance(answer, UnwrapRefused | TypeError):  # TypeError: see ``_version``
            refused.append((owner, row["id"]))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            fresh.append((row, answer))
    return fresh, refused


def _tell(what: str, keys: list[_Named]) -> None:
    for owner, key_id in keys:
        _log.error(what, what=owner, item=key_id, alarm="keys")


async def _swap(db: Database, owner: str, fresh: list[tuple[Row, bytes]]) -> int:
    if not fresh:
        return 0
    async with db.transaction() as tx:
        tx.scrub_after_commit()  # the key as the old version wrapped it is what must not linger
        swapped = [await _store.swap_wrapped(tx, owner, row["id"], row["wrapped"], key) for row, key in fresh]
    return sum(swapped)
