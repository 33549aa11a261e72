"""A key management service as the key provider: the transit engine of OpenBao or HashiCorp Vault, through hvac.

The master key never leaves it. The key there is ``derived`` (a key of its own for each ``context``), since ``rewrap``
can carry a context but no other associated data. A wrapped key is what the engine answers: ``vault:v<version>:…``.

hvac is synchronous, so its calls run in a few threads, and each has two seconds from when it is asked for. What does
not answer, is sealed, or refuses our token is ``KeyProviderDown``, and a breaker keeps others from waiting for the
same; what is refused for the wrapped key's own sake is ``UnwrapRefused``. The token is read from its file for each
call, so that whoever renews it need not tell us. The environment's proxies are not used, and nothing is redirected.
"""

import asyncio
import base64
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import hvac
import requests
import structlog

from consent_service.crypto.breaker import Breaker
from consent_service.crypto.envelope import KEY_BYTES
from consent_service.crypto.providers import KeyProviderDown, KeysUnfit, MasterVersion, UnwrapRefused

_log = structlog.get_logger()

_PATIENCE = 2.0  # seconds
_THREADS = 8
_KIND = "aes256-gcm96"
_WRAPPED = re.compile(rb"vault:v([1-9][0-9]{0,8}):", re.ASCII)
_NO_KEY = "encryption key not found"

_Call = Callable[[Any], Any]
"""What is asked of ``hvac.Client().secrets.transit``."""


@dataclass(frozen=True)
class Place:
    """Where the key is. ``authority`` is the file of the certificates that the server's is judged by."""

    url: str
    mount: str
    key: str
    token_file: Path
    authority: Path | None = None


class Transit:
    """The key at ``place``. Implements ``MasterKeys``."""

    def __init__(self, place: Place, *, breaker: Breaker | None = None) -> None:
        """Call nobody yet."""
        self._place = place
        self._named = {"name": place.key, "mount_point": place.mount}
        self._breaker = breaker or Breaker()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="transit")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = True if place.authority is None else str(place.authority)
        self._session.mount(place.url, requests.adapters.HTTPAdapter(pool_maxsize=_THREADS))

    def __repr__(self) -> str:
        """Name the place."""
        return f"Transit(url={self._place.url!r}, key={self._place.key!r})"

    @property
    def kind(self) -> str:
        """See ``KeyProvider.kind``."""
        return "transit"

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.wrap``."""
        answer = await self._ask(
            lambda transit: transit.encrypt_data(plaintext=_base64(key), context=_base64(context), **self._named)
        )
        return self._ciphertext(answer)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.unwrap``."""
        text = self._text(wrapped)
        answer = await self._ask(
            lambda transit: transit.decrypt_data(ciphertext=text, context=_base64(context), **self._named),
            refused=UnwrapRefused,
        )
        try:
            key = base64.b64decode(self._told(answer, "plaintext"), validate=True)
        except ValueError:
            raise self._down("unreadable answer") from None
        if len(key) != KEY_BYTES:
            raise UnwrapRefused
        return key

    async def rewrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.rewrap``. The key does not leave the engine."""
        text = self._text(wrapped)
        answer = await self._ask(
            lambda transit: transit.rewrap_data(ciphertext=text, context=_base64(context), **self._named),
            refused=UnwrapRefused,
        )
        return self._ciphertext(answer)

    def version_of(self, wrapped: bytes) -> int:
        """See ``KeyProvider.version_of``."""
        found = _WRAPPED.match(wrapped)
        return int(found[1]) if found else 0

    async def versions(self) -> list[MasterVersion]:
        """See ``MasterKeys.versions``."""
        made = self._told(await self._ask_for_key(), "keys")
        return sorted(MasterVersion(int(version), _day(at)) for version, at in made.items())

    async def add_version(self, today: date) -> MasterVersion:
        """See ``MasterKeys.add_version``. The day is the engine's own."""
        await self._ask(lambda transit: transit.rotate_key(**self._named))
        return (await self.versions())[-1]

    async def remove_through(self, version: int) -> None:
        """See ``MasterKeys.remove_through``. ``trim`` destroys; it demands that nothing can use the versions before."""
        oldest = version + 1
        if oldest > (await self.versions())[-1].version:
            raise ValueError("the newest master version is needed")
        await self._ask(lambda transit: transit.update_key_configuration(min_encryption_version=oldest, **self._named))
        await self._ask(lambda transit: transit.update_key_configuration(min_decryption_version=oldest, **self._named))
        await self._ask(lambda transit: transit.trim_key(min_version=oldest, **self._named))

    async def make(self) -> None:
        """Make the key, if there is none. One that is there is left as it is."""
        try:
            await self._ask_for_key()
        except _Absent:
            pass
        else:
            return
        await self._ask(lambda transit: transit.create_key(derived=True, key_type=_KIND, **self._named))

    async def demand_fit(self) -> None:
        """Raises KeysUnfit if there is no such key, or one that could be copied out or is bound to no context."""
        try:
            answer = await self._ask_for_key()
        except _Absent:
            raise KeysUnfit(
                f"There is no transit key {self._place.key} at {self._place.mount}. Make it: consent-service keys init"
            ) from None
        fit = self._told(answer, "type") == _KIND and self._told(answer, "derived")
        loose = ("exportable", "allow_plaintext_backup", "deletion_allowed")
        if not fit or any(self._told(answer, how) for how in loose):
            raise KeysUnfit(
                f"The transit key {self._place.key} must be of type {_KIND}, derived, not exportable, without "
                "plaintext backup, and not deletable."
            )

    async def _ask_for_key(self) -> Any:
        return await self._ask(lambda transit: transit.read_key(**self._named), refused=_Absent)

    def _told(self, answer: Any, what: str) -> Any:
        """What the engine's answer says. Raises KeyProviderDown where somebody else answered in its place."""
        try:
            return answer["data"][what]
        except (TypeError, LookupError):
            raise self._down("unreadable answer") from None

    def _text(self, wrapped: bytes) -> str:
        if self.version_of(wrapped) == 0:
            raise UnwrapRefused
        return wrapped.decode("ascii", "replace")

    def _ciphertext(self, answer: Any) -> bytes:
        wrapped = str(self._told(answer, "ciphertext")).encode()
        if self.version_of(wrapped) == 0:
            raise self._down("unreadable answer")
        return wrapped

    async def _ask(self, call: _Call, *, refused: type[Exception] = KeyProviderDown) -> Any:
        """The engine's answer. Raises ``refused`` if it refuses this very call, KeyProviderDown if it can't answer."""
        if not self._breaker.lets_through():
            raise KeyProviderDown
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._call, call)
        except (hvac.exceptions.InvalidRequest, hvac.exceptions.InvalidPath) as no:
            self._breaker.succeeded()
            if refused is _Absent and isinstance(no, hvac.exceptions.InvalidPath):
                raise refused from None
            if refused is UnwrapRefused and _is_about_the_wrapped_key(no):
                raise refused from None
            raise self._down("refused") from None
        except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized):
            self._breaker.succeeded()  # it answers, and at once: a new token helps from the next call on
            raise self._down("the token is not accepted") from None
        except (hvac.exceptions.VaultError, requests.RequestException, OSError, TimeoutError) as failure:
            self._breaker.failed()
            raise self._down(type(failure).__name__) from None
        self._breaker.succeeded()
        return answer

    def _call(self, call: _Call) -> Any:
        """In a thread. Each step on the wire is bounded too, so that a thread comes back soon after its caller left."""
        client = hvac.Client(
            url=self._place.url,
            token=self._place.token_file.read_text().strip(),
            session=self._session,
            timeout=_PATIENCE,
            allow_redirects=False,
        )
        return call(client.secrets.transit)

    def _down(self, reason: str) -> KeyProviderDown:
        _log.error("the key service can't be used", reason=reason, alarm="keys")
        return KeyProviderDown()


class _Absent(Exception):
    """There is no such key."""


def _is_about_the_wrapped_key(no: Exception) -> bool:
    """Whether the engine itself said no to the key it was shown, and not to the path, or somebody in between."""
    told = [str(error) for error in getattr(no, "errors", None) or []]
    return isinstance(no, hvac.exceptions.InvalidRequest) and bool(told) and not any(_NO_KEY in one for one in told)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _day(made: int | str) -> date:
    """When a version was made: seconds since 1970, or RFC 3339 text where the key is asymmetric."""
    return datetime.fromtimestamp(int(made), tz=UTC).date()
