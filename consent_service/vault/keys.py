"""Keys in memory, and the way there from the key provider.

Doors ask for keys before they begin a transaction, so that no lock is ever held while a key service is
asked. The values are opaque: a ``CandidateKey`` or ``RecipientKey`` opens nothing by itself, only in the
module of this room that is made for it.
"""

import hmac
from collections import OrderedDict
from collections.abc import Set
from dataclasses import dataclass, field
from hashlib import sha256

import structlog

from consent_service.clock import MINUTE, Clock
from consent_service.crypto.envelope import new_key
from consent_service.crypto.providers import KeyProvider, UnwrapRefused
from consent_service.crypto.service_keys import CHECKPOINTS, LATER, USES, ServiceKeys, new_secrets, service_keys
from consent_service.errors import NotAvailable, Tampered
from consent_service.storage.engine import Database, Duplicate, Snapshot, Transaction
from consent_service.vault import _store
from consent_service.vault.checkpoint_keys import CheckpointKeys, is_of_checkpoints
from consent_service.vault.wrapping import demand_storable, wrapping_context

_log = structlog.get_logger()

MAILBOX = "mailbox"  # the recipient that letters are sealed for

NEXT_LOOKUP = "lookup-next"  # the service key that is taking the place of ``lookup``

_CHECK = sha256(b"consent-service master key check 1").digest()
_CACHED = 2_000
_LIFETIME = 5 * MINUTE


class WrongMasterKey(Exception):
    """The key provider's master key is not the one that this database was made with. The service does not start."""


class ServiceKeysMissing(Exception):
    """The database lacks service keys, by their ``uses``. Those that older versions had too are lost, not late."""

    def __init__(self, uses: Set[str]) -> None:
        """Name the uses."""
        super().__init__(", ".join(sorted(uses)))
        self.lost = uses - LATER


class RelookupUnfinished(Exception):
    """People are being moved to another lookup key; until that is finished, not everybody would be found."""


@dataclass(frozen=True)
class CandidateKey:
    """A candidate's own key."""

    candidate_id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class NewCandidateKey:
    """A key for a candidate who is about to be stored, open and wrapped."""

    key: CandidateKey
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True)
class RecipientKey:
    """A recipient's key."""

    recipient_id: str
    secret: bytes = field(repr=False)


class Keys:
    """The open service keys, and candidates' and recipients' keys as they are needed.

    Those are kept in memory for a few minutes from when they were unwrapped, however often they are used, and so many
    at most: the oldest goes first.
    """

    def __init__(self, db: Database, provider: KeyProvider, service: ServiceKeys, clock: Clock) -> None:
        """Take what ``open_keys`` made."""
        self.service = service
        self.checkpoints = CheckpointKeys(db, provider)
        self._db = db
        self._provider = provider
        self._clock = clock
        self._cache: OrderedDict[tuple[str, str], tuple[int, bytes]] = OrderedDict()

    async def candidate(self, candidate_id: str) -> CandidateKey:
        """The key of a candidate. Raises NotAvailable if there is none (erased), KeyProviderDown."""
        secret = self._cached("candidate", candidate_id)
        if secret is None:
            async with self._db.snapshot() as view:
                wrapped = await _store.find_wrapped(view, "candidate", candidate_id)
            if wrapped is None:
                raise NotAvailable
            secret = await self._unwrap(wrapped, wrapping_context("candidate", candidate_id))
            self._keep("candidate", candidate_id, secret)
        return CandidateKey(candidate_id, secret)

    async def new_candidate(self, candidate_id: str) -> NewCandidateKey:
        """A fresh key for a candidate, to be stored with ``store_candidate``. Raises KeyProviderDown."""
        secret = new_key()
        wrapped = await self._provider.wrap(secret, wrapping_context("candidate", candidate_id))
        return NewCandidateKey(CandidateKey(candidate_id, secret), wrapped)

    async def store_candidate(self, tx: Transaction, new: NewCandidateKey) -> None:
        """Store a fresh key, in the transaction that makes the candidate. Raises as ``demand_storable``."""
        await demand_storable(tx, self._provider, new.wrapped)
        await _store.add_candidate_key(tx, new.key.candidate_id, new.wrapped)

    async def recipient(self, recipient_id: str) -> RecipientKey:
        """The key of a recipient, made at first need. Raises KeyProviderDown."""
        secret = self._cached("recipient", recipient_id)
        if secret is None:
            async with self._db.snapshot() as view:
                wrapped = await _store.find_wrapped(view, "recipient", recipient_id)
            if wrapped is None:
                wrapped = await self._make_recipient(recipient_id)
            secret = await self._unwrap(wrapped, wrapping_context("recipient", recipient_id))
            self._keep("recipient", recipient_id, secret)
        return RecipientKey(recipient_id, secret)

    async def _unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        try:
            return await self._provider.unwrap(wrapped, context)
        except (UnwrapRefused, TypeError):  # a column of another type: SQLite takes anything
            _log.error("a wrapped key does not open", alarm="keys")
            raise Tampered from None

    async def _make_recipient(self, recipient_id: str) -> bytes:
        wrapped = await self._provider.wrap(new_key(), wrapping_context("recipient", recipient_id))
        async with self._db.transaction() as tx:
            await demand_storable(tx, self._provider, wrapped)
            await _store.add_recipient_key(tx, recipient_id, wrapped)
            stored = await _store.find_wrapped(tx, "recipient", recipient_id)
        assert stored is not None
        return stored

    def forget(self, candidate_id: str) -> None:
        """Drop an erased candidate's key from memory."""
        self._cache.pop(("candidate", candidate_id), None)

    def drop_expired(self) -> None:
        """Drop the keys whose time is out, asked for or not: whenever one is, and by a job where none ever is."""
        now = self._clock.monotonic()  # a clock that is set back keeps no key for longer
        while self._cache:
            oldest = next(iter(self._cache))
            if self._cache[oldest][0] > now:
                return
            del self._cache[oldest]

    def _cached(self, kind: str, owner: str) -> bytes | None:
        self.drop_expired()
        kept = self._cache.get((kind, owner))
        return None if kept is None else kept[1]

    def _keep(self, kind: str, owner: str, secret: bytes) -> None:
        self._cache.pop((kind, owner), None)  # another call unwrapped it meanwhile: the order is that of their ends
        self._cache[kind, owner] = (self._clock.monotonic() + _LIFETIME, secret)
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)


async def has_keys(view: Snapshot) -> bool:
    """Whether the database has its service keys."""
    return bool(await _store.service_keys(view))


async def create_service_keys(db: Database, provider: KeyProvider) -> None:
    """Make the service keys of an empty database, and the check value of the master key that wrapped them."""
    secrets = {**new_secrets(), "check": _CHECK}
    wrapped = {use: await provider.wrap(secret, wrapping_context("service", use)) for use, secret in secrets.items()}
    try:
        async with db.transaction() as tx:
            await _store.raise_floor(tx, provider.kind, 0)
            await _store.add_service_keys(tx, wrapped)
    except Duplicate:
        return  # another process was first, and its keys hold


async def add_later_keys(db: Database, provider: KeyProvider) -> bool:
    """Make the keys that an older version's database lacks; whether there were any. Processes that run need no notice.

    Raises WrongMasterKey, ServiceKeysMissing if others are gone, KeyProviderDown.
    """
    missing = LATER - set(await open_secrets(db, provider, lacking=LATER))
    wrapped = {use: await provider.wrap(new_key(), wrapping_context("service", use)) for use in missing}
    try:
        async with db.transaction() as tx:
            await demand_storable(tx, provider, *wrapped.values())
            await _store.add_service_keys(tx, wrapped)
    except Duplicate:
        pass  # another operator was first, and those keys hold
    return bool(missing)


async def open_keys(db: Database, provider: KeyProvider, clock: Clock) -> Keys:
    """Open the service keys. Raises WrongMasterKey, before anything else is read or written, and KeyProviderDown.

    Raises ServiceKeysMissing, and RelookupUnfinished while people are half moved to another lookup key.
    """
    secrets = await open_secrets(db, provider)
    if NEXT_LOOKUP in secrets:
        raise RelookupUnfinished
    keys = keys_of(db, provider, secrets, clock)
    await keys.checkpoints.current()
    return keys


def keys_of(db: Database, provider: KeyProvider, secrets: dict[str, bytes], clock: Clock) -> Keys:
    """The keys whose ``secrets`` were opened, by use; for this room's own modules."""
    service = {use: secret for use, secret in secrets.items() if not is_of_checkpoints(use)}
    return Keys(db, provider, service_keys(service), clock)


async def open_secrets(
    db: Database, provider: KeyProvider, *, lacking: Set[str] = frozenset[str]()
) -> dict[str, bytes]:
    """What the service keys are made of, by use; only those ``lacking`` may be missing.

    Raises WrongMasterKey, ServiceKeysMissing, KeyProviderDown. For this room's own modules.
    """
    async with db.snapshot() as view:
        wrapped = await _store.service_keys(view)
    try:
        secrets = {use: await provider.unwrap(key, wrapping_context("service", use)) for use, key in wrapped.items()}
    except (UnwrapRefused, TypeError):  # as above
        raise WrongMasterKey from None
    if not hmac.compare_digest(secrets.pop("check", b""), _CHECK):
        raise WrongMasterKey
    if missing := {*USES, CHECKPOINTS} - set(secrets) - lacking:
        raise ServiceKeysMissing(missing)
    return secrets
