"""Which key provider guards the master key: what the settings name, and the only place that decides it."""

from pathlib import Path

from consent_service.clock import Clock, local_date
from consent_service.crypto.keyring import create_keyring, read_keyring
from consent_service.crypto.providers import MasterKeys
from consent_service.crypto.transit import Place, Transit
from consent_service.settings import Misconfigured, Settings


async def find(settings: Settings) -> MasterKeys:
    """The provider with the master key in it. Raises KeysUnfit if there is none, Misconfigured, KeyProviderDown."""
    if settings.key_provider == "transit":
        transit = Transit(_place(settings))
        await transit.demand_fit()
        return transit
    return read_keyring(keyring_path(settings))


async def find_or_make(settings: Settings, clock: Clock) -> MasterKeys:
    """The same, with a fresh master key if there is none. A keyring that is there is used, never replaced."""
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
        raise Misconfigured("CONSENT_KEY_PROVIDER=transit demands CONSENT_TRANSIT_URL and CONSENT_TRANSIT_TOKEN_FILE")
    return Place(
        url=settings.transit_url,
        mount=settings.transit_mount,
        key=settings.transit_key,
        token_file=settings.transit_token_file,
        authority=settings.transit_ca,
    )
