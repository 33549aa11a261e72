"""The keys that sign the log's heads, which are changed while the service runs.

In two steps:

1. ``begin``: a new key signs, and the old one beside it; each head that both sign names the new one, so that whoever
   trusts the old key learns whom to trust next
2. ``end``: the old key is destroyed. Its public half stays, so that what it signed still verifies, unless it got out

Both steps are entries of the log. A process looks at what is stored whenever it signs, so none needs a restart, and
none signs with a key that is no more.
"""

from consent_service.audit.log import SERVICE_CHAIN, Entry, append, lock
from consent_service.audit.notes import VerifierKey
from consent_service.clock import Clock
from consent_service.crypto.envelope import new_key
from consent_service.crypto.providers import KeyProvider, UnwrapRefused
from consent_service.crypto.service_keys import CHECKPOINTS, CheckpointKey, SealKey, Signers
from consent_service.errors import KeyProviderDown, StorageUnavailable, Tampered
from consent_service.storage.engine import Database, Transaction
from consent_service.vault import _store
from consent_service.vault.wrapping import demand_storable, wrapping_context

_LEAVING = f"{CHECKPOINTS}-leaving"
_FORMER = f"{CHECKPOINTS}-former:"


def is_of_checkpoints(use: str) -> bool:
    """Whether a service key is one of these."""
    return use in {CHECKPOINTS, _LEAVING} or use.startswith(_FORMER)


class CheckpointKeys:
    """What is stored, open. One for each process."""

    def __init__(self, db: Database, provider: KeyProvider) -> None:
        """Look at nothing yet."""
        self._db, self._provider = db, provider
        self._wrapped: dict[str, bytes] = {}
        self._known: Signers | None = None

    @property
    def known(self) -> Signers:
        """The keys as they were when somebody last looked. Raises KeyProviderDown if nobody did."""
        if self._known is None:
            raise KeyProviderDown
        return self._known

    async def current(self) -> Signers:
        """The keys as they are. Raises KeyProviderDown if they were changed and can't be opened now."""
        async with self._db.snapshot() as view:
            wrapped = await _store.checkpoint_keys(view)
        if self._known is None or wrapped != self._wrapped:
            self._known, self._wrapped = await self._opened(wrapped), wrapped
        return self._known

    async def still(self, tx: Transaction) -> bool:
        """Whether ``known`` are the keys, which then stay so until this transaction ends."""
        return await _store.checkpoint_keys(tx, keep=True) == self._wrapped

    async def begin(self, log_key: SealKey, clock: Clock, origin: str) -> bool:
        """Let a new key sign beside the old one; False if a change is under way already.

        Raises KeyProviderDown, and StorageUnavailable if somebody else changed the keys meanwhile.
        """
        await self.current()
        before, fresh = self._wrapped, new_key()
        if _LEAVING in before:
            return False
        old = await self._provider.unwrap(before[CHECKPOINTS], wrapping_context("service", CHECKPOINTS))
        new = VerifierKey(origin, CheckpointKey(fresh).public)
        signing, leaving = await self._wrap(CHECKPOINTS, fresh), await self._wrap(_LEAVING, old)
        async with self._db.transaction() as tx:
            head = (await lock(tx, [SERVICE_CHAIN]))[SERVICE_CHAIN]
            if not await self.still(tx):
                raise StorageUnavailable
            await demand_storable(tx, self._provider, signing, leaving)
            await _store.swap_wrapped(tx, "service", CHECKPOINTS, before[CHECKPOINTS], signing)
            await _store.add_service_keys(tx, {_LEAVING: leaving})
            entry = Entry("checkpoint_key.made", "operator", resource_id=new.id.hex())
            await append(tx, log_key, head, entry, at=clock.now())
        return True

    async def end(self, log_key: SealKey, clock: Clock, origin: str, *, trusted: bool) -> bool:
        """Destroy the key that leaves; False if none does. ``trusted``: what it signed is still believed.

        Raises as ``begin``.
        """
        leaving = (await self.current()).leaving
        if leaving is None:
            return False
        old = VerifierKey(origin, leaving.public)
        use = f"{_FORMER}{old.id.hex()}"
        former = {use: await self._wrap(use, leaving.public)} if trusted else {}
        async with self._db.transaction() as tx:
            tx.scrub_after_commit()
            head = (await lock(tx, [SERVICE_CHAIN]))[SERVICE_CHAIN]
            if not await self.still(tx):
                raise StorageUnavailable
            await demand_storable(tx, self._provider, *former.values())
            await _store.drop_service_keys(tx, _LEAVING)
            await _store.add_service_keys(tx, former)
            entry = Entry("checkpoint_key.retired", "operator", resource_id=old.id.hex())
            await append(tx, log_key, head, entry, at=clock.now())
        return True

    async def _wrap(self, use: str, secret: bytes) -> bytes:
        return await self._provider.wrap(secret, wrapping_context("service", use))

    async def _opened(self, wrapped: dict[str, bytes]) -> Signers:
        try:
            secrets = {
                use: await self._provider.unwrap(key, wrapping_context("service", use)) for use, key in wrapped.items()
            }
            signing = CheckpointKey(secrets.pop(CHECKPOINTS))
        except (UnwrapRefused, KeyError):
            raise Tampered from None
        leaving = secrets.pop(_LEAVING, None)
        former = tuple(public for _, public in sorted(secrets.items()))
        return Signers(signing, None if leaving is None else CheckpointKey(leaving), former)
