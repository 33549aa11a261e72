"""A call that creates something, carried out once however often it is sent (draft-ietf-httpapi-idempotency-key-header).

The rules: the scope is unit, route and key. The row that says "done" is written in the transaction that does it, so
a call that failed, or a process that died, leaves nothing behind and the repeat carries it out. The same key with
another content is refused. Two at once: the second waits for the first, and gets its answer. Answers are kept for
a set number of days; after that the key is free again.

What is kept is sealed with the waiting key, and inside that with a key that depends on the caller's own
Idempotency-Key, of which the service keeps a MAC only: an answer may hold a pick-up code, and whoever has our
database and our keys must not learn it from here.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

import orjson

from consent_service.api import _store
from consent_service.crypto.canonical import canonical
from consent_service.crypto.envelope import aad, open_sealed, seal
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.errors import IdempotencyConflict, IdempotencyKeyRequired, IdempotencyKeyReused, StorageUnavailable
from consent_service.storage.engine import Database, Snapshot, Transaction

# RFC 8941, 3.3.3: a string of visible ASCII and space, with \ before a quote and before itself.
_STRING = re.compile(r'[ \t]*"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,510})"[ \t]*')
_LONGEST = 255

Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class Repeats:
    """What a repeat has in common with the first call."""

    unit_id: str
    route: str
    key: str = field(repr=False)

    def mac(self, keys: ServiceKeys) -> bytes:
        """How the scope is found again, without the key being stored."""
        return keys.lookup.mac(aad("idempotency scope 1", self.unit_id, self.route, self.key))

    def answer_key(self, keys: ServiceKeys) -> bytes:
        """The inner key, which nobody has without the caller's own."""
        return keys.lookup.mac(aad("idempotency answer 1", self.unit_id, self.route, self.key))

    def aad(self) -> bytes:
        """Binds what is kept to its scope."""
        return aad("idempotency 1", self.unit_id, self.route, sha256(self.key.encode()).hexdigest())


@dataclass(frozen=True)
class Kept:
    """An answer as it was first given: status and JSON."""

    status: int
    body: bytes = field(repr=False)


def parse_key(values: Sequence[str]) -> str:
    """The key in the call's ``Idempotency-Key`` fields. Raises IdempotencyKeyRequired unless there is a good one."""
    match = _STRING.fullmatch(values[0]) if len(values) == 1 else None
    key = re.sub(r"\\(.)", r"\1", match[1]) if match else ""
    if not 1 <= len(key) <= _LONGEST:
        raise IdempotencyKeyRequired
    return key


async def once(
    db: Database,
    keys: ServiceKeys,
    scope: Repeats,
    request: Mapping[str, Any],
    *,
    prepare: Callable[[], Awaitable[Prepared]],
    carry_out: Callable[[Transaction, Prepared], Awaitable[Kept]],
    at: int,
) -> Kept:
    """``carry_out(tx, await prepare())``, or what it answered when the same ``request`` came first under this scope.

    ``prepare`` is what is slow or asks for keys, before the transaction. ``request`` is the validated body: what means
    the same is the same. Raises IdempotencyKeyReused for another one, IdempotencyConflict while the first is still
    under way after a short wait, and whatever the two raise, with nothing kept.
    """
    asked = sha256(canonical(dict(request))).hexdigest()
    mac = scope.mac(keys)
    async with db.snapshot() as view:
        if (earlier := await _earlier(view, keys, scope, mac, asked)) is not None:
            return earlier
    prepared = await prepare()
    async with db.transaction() as tx:
        if not await _first(tx, mac, at):
            return await _repeat(tx, keys, scope, mac, asked)
        answer = await carry_out(tx, prepared)
        content = orjson.dumps({"request": asked, "status": answer.status, "body": answer.body.decode()})
        inner = seal(scope.answer_key(keys), content, scope.aad())
        await _store.keep(tx, mac, keys.waiting.seal(inner, scope.aad()))
    return answer


async def nothing_to_prepare() -> None:
    """For a call that has nothing to prepare."""


async def _first(tx: Transaction, mac: bytes, at: int) -> bool:
    try:
        return await _store.begin(tx, mac, at)
    except StorageUnavailable:
        # The row is locked by the first call for longer than we wait: the caller may ask again in a moment.
        raise IdempotencyConflict from None


async def _repeat(view: Snapshot, keys: ServiceKeys, scope: Repeats, mac: bytes, asked: str) -> Kept:
    earlier = await _earlier(view, keys, scope, mac, asked)
    if earlier is None:
        raise IdempotencyConflict
    return earlier


async def _earlier(view: Snapshot, keys: ServiceKeys, scope: Repeats, mac: bytes, asked: str) -> Kept | None:
    sealed = await _store.find(view, mac)
    if sealed is None:
        return None
    inner = keys.waiting.open(sealed, scope.aad())
    kept = orjson.loads(open_sealed(scope.answer_key(keys), inner, scope.aad()))
    if kept["request"] != asked:
        raise IdempotencyKeyReused
    return Kept(kept["status"], kept["body"].encode())


async def lapse(tx: Transaction, *, before: int) -> int:
    """Forget what was kept before ``before``; how many."""
    return await _store.lapse(tx, before)
