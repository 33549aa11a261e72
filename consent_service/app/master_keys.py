"""Which key provider guards the master key: what the settings name, and the only place that decides it."""

from pathlib import Path

from consent_service.clock import Clock, local_date
from consent_service.crypto.keyring import create_keyring, read_keyring
from consent_service.crypto.moving import Moving
from consent_service.crypto.providers import MasterKeys
from consent_service.crypto.transit import Place, Transit
from consent_service.settings import Misconfigured, Settings


async def find(settings: Settings) -> MasterKeys:
    """The provider with the master key in it; with the other one beside, while keys move.

    Raises KeysUnfit if there is no master key, Misconfigured, KeyProviderDown.
    """
    return await _beside(settings, await _find(settings, settings.key_provider))


async def find_or_make(settings: Settings, clock: Clock) -> MasterKeys:
    """The same, with a fresh master key if there is none. A keyring that is there is used, never replaced."""
    return await _beside(settings, await _find_or_make(settings, clock))


async def _beside(settings: Settings, provider: MasterKeys) -> MasterKeys:
    other = settings.other_key_provider
    if not other:
        return provider
    if other == settings.key_provider:
        raise Misconfigured("CONSENT_OTHER_KEY_PROVIDER is another than CONSENT_KEY_PROVIDER, or is left out")
    return Moving(provider, await _find(settings, other))


async def _find(settings: Settings, kind: str) -> MasterKeys:
    if kind == "transit":
        transit = Transit(_place(settings))
        await transit.demand_fit()
        return transit
    return read_keyring(keyring_path(settings))


async def _find_or_make(settings: Settings, clock: Clock) -> MasterKeys:
    if settings.key_provider == "transit":
        transit = Transit(_place(settings))
        await transit.make()
        await transit.demand_fit()
        return transit
    path = keyring_path(settings)
    if not path.exists():
        try:
            return create_keyring(path, local_date(clock.now()))
        except FileExistsError:
            pass  # another process was first, and its keyring holds
    return read_keyring(path)


def keyring_path(settings: Settings) -> Path:
    """Where the local keyring is. Raises Misconfigured."""
    if settings.keyring is None:
        raise Misconfigured("CONSENT_KEYRING is not set")
    return settings.keyring


def _place(settings: Settings) -> Place:
    if not settings.transit_url or settings.transit_token_file is None:
        raise Misconfigured("The key provider transit demands CONSENT_TRANSIT_URL and CONSENT_TRANSIT_TOKEN_FILE")
    return Place(
        url=settings.transit_url,
        mount=settings.transit_mount,
        key=settings.transit_key,
        token_file=settings.transit_token_file,
        authority=settings.transit_ca,
    )
