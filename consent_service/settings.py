"""What an operator decides, read once from the environment, and frozen.

Rules: an environment without a name, or with an unknown one, refuses to start (nothing silently becomes
local). A ``CONSENT_`` or ``DIGIPOST_`` variable that is not in this file refuses to start, by its name, so that
a misspelt setting is never a setting left out. No secret has a default; a secret is a path to a file, a
``SecretStr``, or a file of the variable's name in the folder ``CONSENT_SECRETS_DIR``. Production demands what
a person must be told before anything is stored: who is responsible, whom to ask, where the data lies.
Names that NAIS gives (``IDPORTEN_…``, ``MASKINPORTEN_…``, ``TOKEN_X_…``) are kept as they are; what we add to them
begins with ``CONSENT_``, so that a misspelt one is noticed.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from consent_service.delivery.failpoints import Failpoint

CLOSED_PREFIXES = ("CONSENT_", "DIGIPOST_")
SECRETS_DIR = "CONSENT_SECRETS_DIR"

_LOOPBACK = ("http://127.0.0.1:", "http://[::1]:", "http://localhost:")

_REDIS = re.compile(r"|rediss?://(?:[^@/]*@)?(?:\[[0-9a-f:]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:[/?].*)?")
_REDIS_SAFE = re.compile(r"|rediss:.*|redis://(?:[^@/]*@)?(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?(?:[/?].*)?")
_NAV_AUDIT_LOG = r"^(?:|stdout|file:/.+|(?:tcp|tls)://[A-Za-z0-9.-]+:[0-9]{1,5})$"


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


Port = Annotated[int, Field(ge=0, le=65535)]
Days = Annotated[int, Field(ge=1, le=3650)]
Calls = Annotated[int, Field(ge=0, le=1_000_000)]
Seconds = Annotated[int, Field(ge=2, le=600)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]


class Misconfigured(Exception):
    """The settings can't be used; ``problems`` has one sentence for each, without any value."""

    def __init__(self, *problems: str) -> None:
        """Carry ``problems``."""
        super().__init__("\n".join(problems))
        self.problems = problems


class Environment(StrEnum):
    """Where the service runs. ``local`` is one developer's machine, ``test`` a shared one without real people."""

    LOCAL = "local"
    TEST = "test"
    PRODUCTION = "production"


def _named(variable: str, default: Any = ...) -> Any:
    """A field that is read from ``variable`` alone."""
    return Field(default, validation_alias=variable)


class Settings(BaseSettings):
    """Everything that can be set. Read it with ``read``; hand slices of it on, never the whole."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", case_sensitive=True, hide_input_in_errors=True)

    environment: Environment = _named("CONSENT_ENVIRONMENT")

    # What it stands on
    database_url: SecretStr = _named("CONSENT_DATABASE_URL", SecretStr(""))
    key_provider: Literal["keyring", "transit"] = _named("CONSENT_KEY_PROVIDER", "keyring")
    other_key_provider: Literal["", "keyring", "transit"] = _named("CONSENT_OTHER_KEY_PROVIDER", "")
    keyring: Path | None = _named("CONSENT_KEYRING", None)
    transit_url: str = _named("CONSENT_TRANSIT_URL", "")
    transit_mount: str = _named("CONSENT_TRANSIT_MOUNT", "transit")
    transit_key: str = _named("CONSENT_TRANSIT_KEY", "consent-service")
    transit_token_file: Path | None = _named("CONSENT_TRANSIT_TOKEN_FILE", None)
    transit_ca: Path | None = _named("CONSENT_TRANSIT_CA", None)
    backup_days: Days = _named("CONSENT_BACKUP_DAYS", 90)
    erasure_journal: Path | None = _named("CONSENT_ERASURE_JOURNAL", None)

    # Where it listens, and what it is called from outside
    bind: str = _named("CONSENT_BIND", "127.0.0.1")
    port: Port = _named("CONSENT_PORT", 8080)
    platform_port: Port = _named("CONSENT_PLATFORM_PORT", 8081)
    public_url: str = _named("CONSENT_PUBLIC_URL", "")
    scope_prefix: str = _named("CONSENT_SCOPE_PREFIX", "")
    unit_calls_per_minute: Calls = _named("CONSENT_UNIT_CALLS_PER_MINUTE", 0)
    searches_per_minute: Calls = _named("CONSENT_SEARCHES_PER_MINUTE", 60)
    person_calls_per_minute: Calls = _named("CONSENT_PERSON_CALLS_PER_MINUTE", 0)
    redis_url: SecretStr = _named("CONSENT_REDIS_URL", SecretStr(""))
    nav_audit_log: Annotated[str, Field(pattern=_NAV_AUDIT_LOG)] = _named("CONSENT_NAV_AUDIT_LOG", "")
    nav_audit_vendor: str = _named("CONSENT_NAV_AUDIT_VENDOR", "Trondelagsmodellen")
    nav_audit_product: str = _named("CONSENT_NAV_AUDIT_PRODUCT", "consent-service")
    log_level: Literal["debug", "info", "warning", "error"] = _named("CONSENT_LOG_LEVEL", "info")

    # What a person is told before anything is stored
    controller_name: str = _named("CONSENT_CONTROLLER_NAME", "")
    controller_organisation_number: str = _named("CONSENT_CONTROLLER_ORGANISATION_NUMBER", "")
    controller_address: str = _named("CONSENT_CONTROLLER_ADDRESS", "")
    privacy_contacts: Words = _named("CONSENT_PRIVACY_CONTACTS", ())
    hosting_countries: Words = _named("CONSENT_HOSTING_COUNTRIES", ())
    supervisory_authority: str = _named("CONSENT_SUPERVISORY_AUTHORITY", "Datatilsynet, www.datatilsynet.no")
    withdrawal_phone: str = _named("CONSENT_WITHDRAWAL_PHONE", "")
    withdrawal_address: str = _named("CONSENT_WITHDRAWAL_ADDRESS", "")

    # How long things wait and are kept
    waiting_days: Days = _named("CONSENT_WAITING_DAYS", 90)
    event_days: Days = _named("CONSENT_EVENT_DAYS", 90)
    idempotency_days: Days = _named("CONSENT_IDEMPOTENCY_DAYS", 7)
    letter_lease_seconds: Seconds = _named("CONSENT_LETTER_LEASE_SECONDS", 60)

    # Who is let in
    minimum_age: Annotated[int, Field(ge=0, le=100)] = _named("CONSENT_MINIMUM_AGE", 18)

    # ID-porten: logging in (by ourselves, or behind NAIS's login sidecar), and bearer tokens made for us
    login: Literal["own", "sidecar"] = _named("CONSENT_LOGIN", "own")
    idporten_issuer: str = _named("IDPORTEN_ISSUER", "")
    idporten_well_known_url: str = _named("IDPORTEN_WELL_KNOWN_URL", "")
    idporten_jwks_uri: str = _named("IDPORTEN_JWKS_URI", "")
    idporten_client_id: str = _named("IDPORTEN_CLIENT_ID", "")
    idporten_client_jwk: SecretStr | None = _named("IDPORTEN_CLIENT_JWK", None)
    idporten_redirect_uri: str = _named("IDPORTEN_REDIRECT_URI", "")
    idporten_audience: str = _named("IDPORTEN_AUDIENCE", "")
    idporten_acr: str = _named("CONSENT_IDPORTEN_ACR", "idporten-loa-high")
    idporten_scope: str = _named("CONSENT_IDPORTEN_SCOPE", "openid profile")
    idporten_pid_claim: Annotated[str, Field(min_length=1, max_length=100)] = _named(
        "CONSENT_IDPORTEN_PID_CLAIM", "pid"
    )
    idporten_algorithms: Words = _named("CONSENT_IDPORTEN_ALGORITHMS", "RS256")

    # TokenX: bearer tokens made for us by exchange, at NAV alone
    token_x_issuer: str = _named("TOKEN_X_ISSUER", "")
    token_x_well_known_url: str = _named("TOKEN_X_WELL_KNOWN_URL", "")
    token_x_jwks_uri: str = _named("TOKEN_X_JWKS_URI", "")
    token_x_client_id: str = _named("TOKEN_X_CLIENT_ID", "")
    token_x_algorithms: Words = _named("CONSENT_TOKEN_X_ALGORITHMS", "RS256")

    # Units come with tokens from Maskinporten
    maskinporten_issuer: str = _named("MASKINPORTEN_ISSUER", "")
    maskinporten_well_known_url: str = _named("MASKINPORTEN_WELL_KNOWN_URL", "")
    maskinporten_jwks_uri: str = _named("MASKINPORTEN_JWKS_URI", "")
    maskinporten_audience: str = _named("CONSENT_MASKINPORTEN_AUDIENCE", "")
    maskinporten_algorithms: Words = _named("CONSENT_MASKINPORTEN_ALGORITHMS", "RS256")

    # Digipost: the candidates' mailbox
    digipost_url: str = _named("DIGIPOST_URL", "")
    digipost_user_id: Annotated[int, Field(ge=0)] = _named("DIGIPOST_USER_ID", 0)
    digipost_sender_organisation: str = _named("DIGIPOST_SENDER_ORGANISATION", "")
    digipost_p12: Path | None = _named("DIGIPOST_P12", None)
    digipost_p12_password_file: Path | None = _named("DIGIPOST_P12_PASSWORD_FILE", None)
    digipost_pins: Words = _named("DIGIPOST_PINS", ())
    digipost_authentication_level: Literal["TWO_FACTOR", "IDPORTEN_3", "IDPORTEN_4"] = _named(
        "DIGIPOST_AUTHENTICATION_LEVEL", "IDPORTEN_4"
    )
    digipost_sensitivity_level: Literal["NORMAL", "SENSITIVE"] = _named("DIGIPOST_SENSITIVITY_LEVEL", "SENSITIVE")

    # For tests of the service alone
    test_worker_dies_at: Failpoint | None = _named("CONSENT_TEST_WORKER_DIES_AT", None)

    @property
    def key_providers(self) -> set[str]:
        """Those that open keys: one, but while keys move."""
        return {str(kind) for kind in (self.key_provider, self.other_key_provider) if kind}

    @property
    def production(self) -> bool:
        """Whether real people's data is here."""
        return self.environment is Environment.PRODUCTION

    @field_validator("redis_url")
    @classmethod
    def _is_of_redis(cls, value: SecretStr) -> SecretStr:
        if _REDIS.fullmatch(value.get_secret_value()):
            return value
        raise ValueError("it is redis://HOST:PORT or rediss://HOST:PORT")

    @model_validator(mode="before")
    @classmethod
    def _defaults_outside_production(cls, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("CONSENT_ENVIRONMENT") in {Environment.LOCAL, Environment.TEST}:
            port = data.get("CONSENT_PORT", "8080")
            bind = data.get("CONSENT_BIND", "127.0.0.1")
            easy = {
                "CONSENT_DATABASE_URL": "sqlite:///consent.db",
                "CONSENT_KEYRING": "consent-keyring.json",
                "CONSENT_PUBLIC_URL": f"http://{bind}:{port}",
                "CONSENT_SCOPE_PREFIX": "consent:",
                "CONSENT_CONTROLLER_NAME": "Eksempel kommune (ingen ekte behandlingsansvarlig)",
                "CONSENT_CONTROLLER_ORGANISATION_NUMBER": "999999999",
                "CONSENT_PRIVACY_CONTACTS": "personvern@example.org",
                "CONSENT_HOSTING_COUNTRIES": "Norge",
            }
            return {**easy, **data}
        return data

    @model_validator(mode="after")
    def _what_production_demands(self) -> Self:
        if not self.production:
            return self
        missing = [name for name, value in self._demanded().items() if not value]
        if missing:
            raise ValueError(f"production demands {', '.join(missing)}")
        if self.test_worker_dies_at is not None:
            raise ValueError("CONSENT_TEST_WORKER_DIES_AT is for tests, and never set in production")
        if not self.public_url.startswith("https://"):
            raise ValueError("CONSENT_PUBLIC_URL must start with https:// in production")
        if "transit" in self.key_providers and not self.transit_url.startswith(("https://", *_LOOPBACK)):
            raise ValueError("CONSENT_TRANSIT_URL must start with https:// in production, but for an agent on loopback")
        if self.nav_audit_log == "stdout":
            raise ValueError("CONSENT_NAV_AUDIT_LOG must be a place of its own in production, since it names people")
        if not _REDIS_SAFE.fullmatch(self.redis_url.get_secret_value()):
            raise ValueError("CONSENT_REDIS_URL must start with rediss:// in production, but for one on loopback")
        return self

    def _demanded(self) -> dict[str, object]:
        return {
            "CONSENT_DATABASE_URL": self.database_url.get_secret_value(),
            **self._demanded_of_keys(),
            "CONSENT_PUBLIC_URL": self.public_url,
            "CONSENT_SCOPE_PREFIX": self.scope_prefix,
            "CONSENT_CONTROLLER_NAME": self.controller_name,
            "CONSENT_CONTROLLER_ORGANISATION_NUMBER": self.controller_organisation_number,
            "CONSENT_CONTROLLER_ADDRESS": self.controller_address,
            "CONSENT_PRIVACY_CONTACTS": self.privacy_contacts,
            "CONSENT_HOSTING_COUNTRIES": self.hosting_countries,
            "CONSENT_WITHDRAWAL_PHONE": self.withdrawal_phone,
            "CONSENT_WITHDRAWAL_ADDRESS": self.withdrawal_address,
            "CONSENT_ERASURE_JOURNAL": self.erasure_journal,
        }

    def _demanded_of_keys(self) -> dict[str, object]:
        of_a_service = {"CONSENT_TRANSIT_URL": self.transit_url, "CONSENT_TRANSIT_TOKEN_FILE": self.transit_token_file}
        return {
            **({"CONSENT_KEYRING": self.keyring} if "keyring" in self.key_providers else {}),
            **(of_a_service if "transit" in self.key_providers else {}),
        }

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what ``read`` was given, and the folder of secrets after it; nothing else is looked at."""
        return init_settings, file_secret_settings


VARIABLES = frozenset(str(field.validation_alias) for field in Settings.model_fields.values())
"""The names of every setting."""


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings that ``environ`` (the process's own environment when None) makes.

    Raises Misconfigured with every reason at once, each naming its variable and never a value.
    """
    given = dict(os.environ if environ is None else environ)
    unknown = sorted(
        name for name in given if name.startswith(CLOSED_PREFIXES) and name not in VARIABLES | {SECRETS_DIR}
    )
    if unknown:
        raise Misconfigured(*(f"{name} is not a setting of this service" for name in unknown))
    secrets_dir = given.get(SECRETS_DIR)
    if secrets_dir is not None and not Path(secrets_dir).is_dir():
        raise Misconfigured(f"{SECRETS_DIR} names no folder")
    values: dict[str, Any] = {name: given[name] for name in VARIABLES if given.get(name)}
    try:
        return Settings(_secrets_dir=secrets_dir, **values)
    except ValidationError as invalid:
        raise Misconfigured(*(_sentence(error) for error in invalid.errors(include_input=False))) from None


def _sentence(error: Any) -> str:
    """One validation error as a sentence that names the variable and repeats no value."""
    where = ".".join(str(step) for step in error["loc"])
    if error["type"] == "missing":
        choice = f" ({' | '.join(Environment)})" if where == "CONSENT_ENVIRONMENT" else ""
        return f"{where} is not set{choice}"
    what = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
