"""The variables: what can be set, of which kind each value is, and what it is when nobody sets it.

The rule: no secret has a default; a secret is a path to a file, a ``SecretStr``, or a file of the variable's name in
the folder ``CONSENT_SECRETS_DIR``. Names that NAIS gives (``IDPORTEN_…``, ``MASKINPORTEN_…``, ``TOKEN_X_…``) are kept
as they are; what we add to them begins with ``CONSENT_``, so that a misspelt one is noticed.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from consent_service.delivery.failpoints import Failpoint

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


class Environment(StrEnum):
    """Where the service runs. ``local`` is one developer's machine, ``test`` a shared one without real people."""

    LOCAL = "local"
    TEST = "test"
    PRODUCTION = "production"


def _named(variable: str, default: Any = ...) -> Any:
    """A field that is read from ``variable`` alone."""
    return Field(default, validation_alias=variable)


class Variables(BaseSettings):
    """Everything that can be set, each value right by itself. What holds between them is ``checked``'s."""

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
    digipost_print_organisation: Annotated[str, Field(pattern=r"^(?:[0-9]{9})?$")] = _named(
        "DIGIPOST_PRINT_ORGANISATION", ""
    )
    digipost_print_return_name: Annotated[str, Field(max_length=130)] = _named("DIGIPOST_PRINT_RETURN_NAME", "")
    digipost_print_return_address: Annotated[str, Field(max_length=100)] = _named("DIGIPOST_PRINT_RETURN_ADDRESS", "")
    digipost_print_return_postal_code: Annotated[str, Field(pattern=r"^(?:[0-9]{4})?$")] = _named(
        "DIGIPOST_PRINT_RETURN_POSTAL_CODE", ""
    )
    digipost_print_return_city: Annotated[str, Field(max_length=80)] = _named("DIGIPOST_PRINT_RETURN_CITY", "")

    # KRR: the contact register that is asked before a letter goes to Digipost, as our own client at Maskinporten
    krr_url: str = _named("CONSENT_KRR_URL", "")
    maskinporten_client_id: str = _named("MASKINPORTEN_CLIENT_ID", "")
    maskinporten_client_jwk: SecretStr | None = _named("MASKINPORTEN_CLIENT_JWK", None)
    maskinporten_token_endpoint: str = _named("MASKINPORTEN_TOKEN_ENDPOINT", "")

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
