"""What every key that the provider wraps has in common: what it is bound to, and until when it may be stored."""

import structlog

from consent_service.crypto.envelope import aad
from consent_service.crypto.providers import KeyProvider
from consent_service.errors import KeyProviderDown
from consent_service.storage.engine import Transaction
from consent_service.vault import _store

_log = structlog.get_logger()


def wrapping_context(owner: str, key_id: str) -> bytes:
    """What binds a wrapped key to whose it is: ``owner`` is candidate, recipient or service."""
    return aad(f"{owner} key", key_id)


async def demand_storable(tx: Transaction, provider: KeyProvider, *wrapped: bytes) -> None:
    """Raises KeyProviderDown if a key was wrapped under a master version that is being, or has been, destroyed.

    It may have been wrapped long before it is stored, by a process that was paused, or whose keyring is old.
    """
    oldest = await _store.floor(tx, provider.kind)
    if any(provider.version_of(one) < oldest for one in wrapped):
        _log.error("a key was wrapped under a master version that is no more", alarm="keys")
        raise KeyProviderDown
