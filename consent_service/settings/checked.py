"""The settings: the variables, and what must hold between them.

The rule: production demands what a person must be told before anything is stored: who is responsible, whom to ask,
where the data lies. Elsewhere the same has defaults that say that they are nobody's.
"""

import re
from typing import Any, Self

from pydantic import SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from consent_service.settings.variables import Environment, Variables

_LOOPBACK = ("http://127.0.0.1:", "http://[::1]:", "http://localhost:")

_REDIS = re.compile(r"|rediss?://(?:[^@/]*@)?(?:\[[0-9a-f:]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:[/?].*)?")
_REDIS_SAFE = re.compile(r"|rediss:.*|redis://(?:[^@/]*@)?(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?(?:[/?].*)?")


class Settings(Variables):
    """Everything that is set. Read it with ``read``; hand slices of it on, never the whole."""

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
    def _prints_or_does_not(self) -> Self:
        given = {
            "DIGIPOST_PRINT_ORGANISATION": self.digipost_print_organisation,
            "DIGIPOST_PRINT_RETURN_NAME": self.digipost_print_return_name,
            "DIGIPOST_PRINT_RETURN_ADDRESS": self.digipost_print_return_address,
            "DIGIPOST_PRINT_RETURN_POSTAL_CODE": self.digipost_print_return_postal_code,
            "DIGIPOST_PRINT_RETURN_CITY": self.digipost_print_return_city,
        }
        missing = [name for name, value in given.items() if not value.strip()]
        if missing and len(missing) < len(given):
            raise ValueError(f"letters are printed with all of it or not at all; not set: {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _asks_the_register_or_does_not(self) -> Self:
        """NAIS gives what belongs to Maskinporten unasked: the register's address alone says that it is asked."""
        needed = {
            "MASKINPORTEN_CLIENT_ID": self.maskinporten_client_id,
            "MASKINPORTEN_CLIENT_JWK": self.maskinporten_client_jwk,
            "MASKINPORTEN_TOKEN_ENDPOINT": self.maskinporten_token_endpoint,
            "MASKINPORTEN_ISSUER": self.maskinporten_issuer,
        }
        missing = [name for name, value in needed.items() if not value]
        if self.krr_url and missing:
            raise ValueError(f"KRR (CONSENT_KRR_URL) is asked with a token of our own; not set: {', '.join(missing)}")
        if self.production and self.krr_url and not self.krr_url.startswith("https://"):
            raise ValueError("CONSENT_KRR_URL must start with https:// in production")
        return self

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
