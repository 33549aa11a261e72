"""The operators' commands: what they do, what they say, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from consent_service.cli.main import app
from tests.cli.conftest import Environment


def run(environment: Environment, *words: str) -> Result:
    """``consent-service words…``."""
    return CliRunner().invoke(app, list(words), env=environment)


ADD = ("units", "add", "NAV Steinkjer", "--kind", "nav", "--unit-code", "1702", "--region", "Trøndelag")


def test_a_unit_is_registered_listed_and_disabled(environment: Environment) -> None:
    """The registry in a few commands; each prints the unit's id first."""
    added = run(environment, *ADD, "--organisation-number", "889640782")
    assert added.exit_code == 0, added.output
    unit_id = added.output.split()[0]
    assert "NAV Steinkjer" in run(environment, "units", "list").output
    assert "disabled" in run(environment, "units", "disable", unit_id).output
    assert "enabled" in run(environment, "units", "enable", unit_id).output


def test_a_unit_is_closed_for_good(environment: Environment) -> None:
    """With a successor of its kind; twice says the same, enabling it again and another successor are refused."""
    old, new, other = (run(environment, *ADD, "--organisation-number", "889640782").output.split()[0] for _ in range(3))
    assert run(environment, "units", "close", old, "--successor", "nobody").exit_code == 1
    for _ in range(2):
        closed = run(environment, "units", "close", old, "--successor", new)
        assert closed.exit_code == 0, closed.output
        assert "  closed  " in closed.output
        assert "Consents ended: 0. Questions taken back: 0." in closed.output
    assert run(environment, "units", "enable", old).exit_code == 1
    assert run(environment, "units", "close", old, "--successor", other).exit_code == 1
    assert run(environment, "units", "clients", "add", old, "a-client").exit_code == 1
    assert "  closed  " in run(environment, "units", "list").output


def test_a_client_is_registered_once(environment: Environment) -> None:
    """One client calls as one unit; the answer names the scopes that it asks for; removing it takes effect."""
    unit_id = run(environment, *ADD, "--organisation-number", "889640782").output.split()[0]
    added = run(environment, "units", "clients", "add", unit_id, "a-client")
    assert "consent:content.read" in added.output
    again = run(environment, "units", "clients", "add", unit_id, "a-client")
    assert (again.exit_code, again.output.strip()) == (1, "The client is registered for a unit already.")
    assert "a-client  889640782" in run(environment, "units", "clients", "list").output
    assert run(environment, "units", "clients", "remove", "a-client", "889640782").exit_code == 0
    assert run(environment, "units", "clients", "list").output == ""
    assert run(environment, "units", "clients", "remove", "a-client", "889640782").exit_code == 1


def test_what_is_wrong_is_said_in_a_sentence(environment: Environment) -> None:
    """A wrong number names the field, and nothing is registered."""
    answer = run(environment, *ADD, "--organisation-number", "123")
    assert answer.exit_code == 1
    assert "organisation_number: It is nine digits" in answer.output
    assert run(environment, "units", "list").output == ""


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"CONSENT_ENVIRONMENT": ""}, "CONSENT_ENVIRONMENT is not set (local | test | production)"),
        ({"CONSENT_ENVIRONMENT": "prod"}, "CONSENT_ENVIRONMENT: "),
        ({"CONSENT_KEYRNG": "x"}, "CONSENT_KEYRNG is not a setting of this service"),
        ({"CONSENT_ENVIRONMENT": "production"}, "production demands CONSENT_PUBLIC_URL"),
    ],
)
def test_settings_that_are_not_fit_end_with_3(environment: Environment, changes: dict[str, str], sentence: str) -> None:
    """A misspelt, missing or unknown setting is named, and nothing starts."""
    answer = run({**environment, **changes}, "units", "list")
    assert answer.exit_code == 3
    assert sentence in answer.output
    assert "Traceback" not in answer.output


def test_keys_are_made_once(environment: Environment) -> None:
    """``keys init`` makes what is missing and leaves what is there; ``keys status`` shows no key."""
    assert "are made" in run(environment, "keys", "init").output
    assert "already" in run(environment, "keys", "init").output
    status = run(environment, "keys", "status")
    assert "version 1 " in status.output


def test_a_foreign_keyring_ends_with_3(environment: Environment, tmp_path: Path) -> None:
    """A keyring of another database is refused in a sentence."""
    run(environment, "keys", "init")
    other = {**environment, "CONSENT_DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}"}
    (tmp_path / "keyring.json").rename(tmp_path / "first.json")
    run(other, "keys", "init")
    answer = run(environment, "keys", "status")
    assert answer.exit_code == 3
    assert "not the one that this database was made with" in answer.output


def test_migrating_says_whether_it_did_anything(environment: Environment) -> None:
    """The second time there is nothing to do."""
    assert run(environment, "migrate").output == "The schema is this version's now.\n"
    assert run(environment, "migrate").output == "The schema was this version's already.\n"


def test_an_empty_outbox_and_an_empty_log(environment: Environment) -> None:
    """Looking at what is not there is said, and does not fail where there is nothing wrong."""
    assert run(environment, "deliveries", "list").output == "There are no letters.\n"
    assert run(environment, "deliveries", "show", "no-such-letter").exit_code == 1
    assert run(environment, "audit", "checkpoint").exit_code == 1


def test_serving_without_issuers_says_what_to_do(environment: Environment) -> None:
    """Without an identity provider nothing starts, and the way to local ones is told."""
    answer = run(environment, "serve")
    assert answer.exit_code == 3
    assert "IDPORTEN_ISSUER is not set" in answer.output
    assert "consent-service sandbox" in answer.output


def test_the_sandbox_is_never_in_production(environment: Environment, tmp_path: Path) -> None:
    """Its doors open for anybody, so it does not start where real people's data may be."""
    production = {
        **environment,
        "CONSENT_ENVIRONMENT": "production",
        "CONSENT_PUBLIC_URL": "https://samtykke.example.no",
        "CONSENT_SCOPE_PREFIX": "nav:consent/",
        "CONSENT_CONTROLLER_NAME": "Fylket",
        "CONSENT_CONTROLLER_ORGANISATION_NUMBER": "817920632",
        "CONSENT_CONTROLLER_ADDRESS": "Steinkjer",
        "CONSENT_PRIVACY_CONTACTS": "personvern@example.no",
        "CONSENT_HOSTING_COUNTRIES": "Norge",
        "CONSENT_WITHDRAWAL_PHONE": "74 17 40 00",
        "CONSENT_WITHDRAWAL_ADDRESS": "Steinkjer",
    }
    answer = run(production, "sandbox", "--folder", str(tmp_path / "sandbox"))
    assert answer.exit_code == 3
    assert not (tmp_path / "sandbox").exists()


def test_the_contract_is_written(environment: Environment, tmp_path: Path) -> None:
    """``openapi`` needs no settings, and writes what it prints."""
    file = tmp_path / "openapi.json"
    assert run({}, "openapi", str(file)).exit_code == 0
    assert run({}, "openapi").output == file.read_text()
    assert orjson.loads(file.read_bytes())["info"]["title"] == "Consent service"


def _commands() -> Iterator[list[str]]:
    group = typer.main.get_command(app)
    for name, command in sorted(getattr(group, "commands").items()):  # noqa: B009 - click's own, untyped
        inner = getattr(command, "commands", None)
        for verb, within in sorted((inner or {"": None}).items()):
            deeper = getattr(within, "commands", None)
            yield from ([[name, verb, one] for one in sorted(deeper)] if deeper else [[name, *filter(None, [verb])]])


@pytest.mark.parametrize("words", list(_commands()), ids=" ".join)
def test_help_teaches(words: list[str]) -> None:
    """Every command says in sentences what it is for, and shows an example."""
    answer = run({}, *words, "--help")
    assert answer.exit_code == 0
    assert "Example: " in answer.output
    assert "consent-service" in answer.output
