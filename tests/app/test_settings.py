"""Settings are read once, closed, and never guess."""

from pathlib import Path

import pytest

from consent_service.delivery.failpoints import Failpoint
from consent_service.settings import Environment, Misconfigured, Settings, read

LOCAL = {"CONSENT_ENVIRONMENT": "local"}

PRODUCTION = {
    "CONSENT_ENVIRONMENT": "production",
    "CONSENT_DATABASE_URL": "postgresql://consent:hemmelig@db/consent",
    "CONSENT_KEYRING": "/var/run/consent/keyring.json",
    "CONSENT_ERASURE_JOURNAL": "/mnt/elsewhere/erasures.jsonl",
    "CONSENT_PUBLIC_URL": "https://samtykke.example.no",
    "CONSENT_SCOPE_PREFIX": "nav:trondelagsmodellen/",
    "CONSENT_CONTROLLER_NAME": "Trøndelag fylkeskommune",
    "CONSENT_CONTROLLER_ORGANISATION_NUMBER": "817920632",
    "CONSENT_CONTROLLER_ADDRESS": "Postboks 2560, 7735 Steinkjer",
    "CONSENT_PRIVACY_CONTACTS": "personvern@example.no, ombud@example.no",
    "CONSENT_HOSTING_COUNTRIES": "Norge",
    "CONSENT_WITHDRAWAL_PHONE": "74 17 40 00",
    "CONSENT_WITHDRAWAL_ADDRESS": "Postboks 2560, 7735 Steinkjer",
}


def test_an_environment_must_be_named() -> None:
    """Nothing silently becomes local: without CONSENT_ENVIRONMENT there are no settings."""
    with pytest.raises(Misconfigured, match=r"CONSENT_ENVIRONMENT is not set \(local \| test \| production\)"):
        read({})


def test_an_unknown_environment_refuses() -> None:
    """A misspelt environment is refused, and its value is not repeated."""
    with pytest.raises(Misconfigured) as refused:
        read({"CONSENT_ENVIRONMENT": "prodution"})
    assert "CONSENT_ENVIRONMENT" in str(refused.value)
    assert "prodution" not in str(refused.value)


@pytest.mark.parametrize("name", ["CONSENT_KEYRNG", "CONSENT_", "DIGIPOST_USERID"])
def test_an_unknown_variable_is_named(name: str) -> None:
    """A variable of our own prefixes that is no setting is refused by its name, without its value."""
    with pytest.raises(Misconfigured, match=f"{name} is not a setting") as refused:
        read({**LOCAL, name: "hemmelig"})
    assert "hemmelig" not in str(refused.value)


def test_local_stands_on_sqlite() -> None:
    """Outside production the embedded default needs nothing but the environment's name."""
    settings = read(LOCAL)
    assert settings.environment is Environment.LOCAL
    assert settings.database_url.get_secret_value() == "sqlite:///consent.db"
    assert settings.public_url == "http://127.0.0.1:8080"


def test_production_says_what_is_missing() -> None:
    """Production names every missing setting at once: who is responsible, whom to ask, where data lies."""
    with pytest.raises(Misconfigured) as refused:
        read({"CONSENT_ENVIRONMENT": "production"})
    for name in set(PRODUCTION) - {"CONSENT_ENVIRONMENT"}:
        assert name in str(refused.value)


@pytest.mark.parametrize("name", sorted(set(PRODUCTION) - {"CONSENT_ENVIRONMENT"}))
def test_production_demands_each(name: str) -> None:
    """Each of production's demands is a demand of its own."""
    with pytest.raises(Misconfigured, match=name):
        read({key: value for key, value in PRODUCTION.items() if key != name})


def test_production_is_reached_over_https() -> None:
    """A public address without TLS is refused in production."""
    with pytest.raises(Misconfigured, match="CONSENT_PUBLIC_URL must start with https"):
        read({**PRODUCTION, "CONSENT_PUBLIC_URL": "http://samtykke.example.no"})


def test_lists_are_comma_separated() -> None:
    """Contacts and countries are lists in one variable."""
    settings = read(PRODUCTION)
    assert settings.privacy_contacts == ("personvern@example.no", "ombud@example.no")
    assert settings.hosting_countries == ("Norge",)


def test_a_secret_is_not_shown() -> None:
    """Neither repr nor str of the settings shows a password."""
    assert "hemmelig" not in repr(read(PRODUCTION))


def test_secrets_come_as_files(tmp_path: Path) -> None:
    """A file of the variable's name in the folder of secrets is the variable."""
    (tmp_path / "CONSENT_DATABASE_URL").write_text("postgresql://u:filhemmelig@db/consent\n")
    given = {key: value for key, value in PRODUCTION.items() if key != "CONSENT_DATABASE_URL"}
    settings = read({**given, "CONSENT_SECRETS_DIR": str(tmp_path)})
    assert settings.database_url.get_secret_value() == "postgresql://u:filhemmelig@db/consent"


TRANSIT = {
    **{name: value for name, value in PRODUCTION.items() if name != "CONSENT_KEYRING"},
    "CONSENT_KEY_PROVIDER": "transit",
    "CONSENT_TRANSIT_URL": "https://bao.example.no:8200",
    "CONSENT_TRANSIT_TOKEN_FILE": "/var/run/consent/token",
}


def test_a_key_service_takes_the_place_of_the_keyring() -> None:
    """With a key service production demands where it is and a token, and no keyring."""
    assert read(TRANSIT).keyring is None
    assert read({**TRANSIT, "CONSENT_TRANSIT_URL": "http://127.0.0.1:8200"}).transit_key == "consent-service"
    for name in ("CONSENT_TRANSIT_URL", "CONSENT_TRANSIT_TOKEN_FILE"):
        with pytest.raises(Misconfigured, match=name):
            read({key: value for key, value in TRANSIT.items() if key != name})
    with pytest.raises(Misconfigured, match="https://"):
        read({**TRANSIT, "CONSENT_TRANSIT_URL": "http://bao.example.no:8200"})
    with pytest.raises(Misconfigured, match="CONSENT_KEY_PROVIDER"):
        read({**TRANSIT, "CONSENT_KEY_PROVIDER": "aws"})


def test_the_log_that_names_people_has_a_place_of_its_own() -> None:
    """In production never the process's own output, which others read; what is no place is refused."""
    for place in ("tcp://audit.nais:6514", "tls://audit.example.no:6514", "file:/var/log/nav.log"):
        assert read({**PRODUCTION, "CONSENT_NAV_AUDIT_LOG": place}).nav_audit_log == place
    assert read({**LOCAL, "CONSENT_NAV_AUDIT_LOG": "stdout"}).nav_audit_log == "stdout"
    for place in ("stdout", "audit.nais:6514", "tcp://audit.nais", "udp://audit.nais:514", "file:"):
        with pytest.raises(Misconfigured, match="CONSENT_NAV_AUDIT_LOG"):
            read({**PRODUCTION, "CONSENT_NAV_AUDIT_LOG": place})


def test_calls_are_counted_in_a_redis_that_nobody_listens_in_on() -> None:
    """Production wants TLS, but on loopback; what is no address of Redis is refused, and never repeated."""
    for url in ("rediss://user:hemmelig@redis.example.no:6379", "redis://127.0.0.1:6379", "redis://[::1]:6379/1"):
        assert read({**PRODUCTION, "CONSENT_REDIS_URL": url}).redis_url.get_secret_value() == url
    with pytest.raises(Misconfigured, match="CONSENT_REDIS_URL must start with rediss://"):
        read({**PRODUCTION, "CONSENT_REDIS_URL": "redis://redis.example.no:6379"})
    with pytest.raises(Misconfigured, match="CONSENT_REDIS_URL must start with rediss://"):
        read({**PRODUCTION, "CONSENT_REDIS_URL": "redis://127.0.0.1:hemmelig@redis.example.no:6379"})
    for wrong in ("http://hemmelig@redis", "redis://:hemmelig@", "redis://hemmelig:port", "hemmelig"):
        with pytest.raises(Misconfigured, match="CONSENT_REDIS_URL") as refused:
            read({**LOCAL, "CONSENT_REDIS_URL": wrong})
        assert "hemmelig" not in str(refused.value)


def test_a_missing_folder_of_secrets_refuses(tmp_path: Path) -> None:
    """A folder that is not there is an error, not an empty folder."""
    with pytest.raises(Misconfigured, match="CONSENT_SECRETS_DIR names no folder"):
        read({**LOCAL, "CONSENT_SECRETS_DIR": str(tmp_path / "nowhere")})


def test_settings_are_frozen() -> None:
    """What was read can't be changed."""
    settings = read(LOCAL)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # the checker says so too


@pytest.mark.parametrize(("name", "value"), [("CONSENT_PORT", "70000"), ("CONSENT_WAITING_DAYS", "0")])
def test_numbers_have_bounds(name: str, value: str) -> None:
    """A number outside its bounds is refused by its variable's name."""
    with pytest.raises(Misconfigured, match=name):
        read({**LOCAL, name: value})


def test_no_secret_has_a_default() -> None:
    """No field that holds a secret has a working value of its own."""
    settings = read(LOCAL)
    assert settings.idporten_client_jwk is None
    assert settings.digipost_p12 is None
    assert settings.digipost_p12_password_file is None
    assert not Settings.model_fields["database_url"].default.get_secret_value()


PRINT = {
    "DIGIPOST_PRINT_ORGANISATION": "817920632",
    "DIGIPOST_PRINT_RETURN_NAME": "Fagopplæringen i Trøndelag",
    "DIGIPOST_PRINT_RETURN_ADDRESS": "Postboks 2560",
    "DIGIPOST_PRINT_RETURN_POSTAL_CODE": "7735",
    "DIGIPOST_PRINT_RETURN_CITY": "Steinkjer",
}


@pytest.mark.parametrize("missing", PRINT)
def test_letters_are_printed_with_a_whole_return_address_or_not_at_all(missing: str) -> None:
    """A half one refuses, and names what is missing; so does what no letter could come back to."""
    assert read({**LOCAL, **PRINT}).digipost_print_organisation == "817920632"
    for value in ("", " "):
        with pytest.raises(Misconfigured, match=missing):
            read({**LOCAL, **PRINT, missing: value})


@pytest.mark.parametrize(
    ("name", "value"), [("DIGIPOST_PRINT_ORGANISATION", "81792063"), ("DIGIPOST_PRINT_RETURN_POSTAL_CODE", "77350")]
)
def test_a_return_address_is_norwegian(name: str, value: str) -> None:
    """An organisation number has nine digits, and a postal code four."""
    with pytest.raises(Misconfigured, match=name):
        read({**LOCAL, **PRINT, name: value})


KRR = {
    "CONSENT_KRR_URL": "https://kontaktregisteret.no/rest/v2/personer",
    "MASKINPORTEN_CLIENT_ID": "client",
    "MASKINPORTEN_CLIENT_JWK": "{}",
    "MASKINPORTEN_TOKEN_ENDPOINT": "https://maskinporten.no/token",
    "MASKINPORTEN_ISSUER": "https://maskinporten.no/",
}


def test_the_contact_register_is_asked_as_a_client_of_our_own_or_not_at_all() -> None:
    """Without one of what its token takes it refuses, by its name; what NAIS gives unasked asks nobody."""
    assert read({**LOCAL, **KRR}).krr_url
    for missing in KRR.keys() - {"CONSENT_KRR_URL"}:
        with pytest.raises(Misconfigured, match=missing):
            read({**LOCAL, **KRR, missing: ""})
    assert not read({**LOCAL, **KRR, "CONSENT_KRR_URL": ""}).krr_url
    with pytest.raises(Misconfigured, match="CONSENT_KRR_URL must start with https"):
        read({**PRODUCTION, **KRR, "CONSENT_KRR_URL": "http://krr.example.no/rest/v2/personer"})


def test_no_worker_kills_itself_in_production() -> None:
    """The failpoints are refused where real people's letters are, and a name that is none is refused anywhere."""
    at = {"CONSENT_TEST_WORKER_DIES_AT": "sent"}
    assert read({**LOCAL, **at}).test_worker_dies_at is Failpoint.SENT
    with pytest.raises(Misconfigured, match="CONSENT_TEST_WORKER_DIES_AT is for tests"):
        read({**PRODUCTION, **at})
    with pytest.raises(Misconfigured, match="CONSENT_TEST_WORKER_DIES_AT"):
        read({**LOCAL, "CONSENT_TEST_WORKER_DIES_AT": "somewhere"})
