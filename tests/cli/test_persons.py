"""Two operators at their keyboards: what they type, what they are told, and that no number is told to anybody."""

from __future__ import annotations

import asyncio

from typer.testing import CliRunner, Result

from consent_service.app.opening import open_service
from consent_service.audit.reading import lines
from consent_service.cli.main import app
from consent_service.clock import SystemClock
from consent_service.persons.arrival import arrive
from consent_service.persons.lookup import find
from consent_service.persons.numbers import NationalId
from consent_service.settings import read
from tests.cli.conftest import Environment
from tests.persons.conftest import KARI, OLA
from tests.persons.test_linking import D_NUMBER

BOTH = f"{D_NUMBER.digits}\n{KARI.digits}\n"


def run(environment: Environment, *words: str, typed: str = "") -> Result:
    """``consent-service persons words…``, and what is typed when it asks."""
    return CliRunner().invoke(app, ["persons", *words], env=environment, input=typed)


def comes(environment: Environment, who: NationalId) -> str:
    """Somebody begins to use the service; her id."""

    async def coming() -> str:
        here = await open_service(read({k: v for k, v in environment.items() if v}), SystemClock())
        candidate_id = await arrive(here.db, here.keys, SystemClock(), who, held_for="county", receivers={})
        await here.db.close()
        return candidate_id

    return asyncio.run(coming())


def seen(environment: Environment, who: NationalId) -> tuple[str | None, list[str]]:
    """Whom a number finds, and what her log says."""

    async def looking() -> tuple[str | None, list[str]]:
        here = await open_service(read({k: v for k, v in environment.items() if v}), SystemClock())
        async with here.db.snapshot() as view:
            candidate_id = await find(view, here.keys.service.lookup, who)
            log = await lines(view, here.keys.service.log, candidate_id or "", after=0, limit=50)
        await here.db.close()
        return candidate_id, [line.event for line in log]

    return asyncio.run(looking())


def test_two_operators_link_two_numbers(environment: Environment) -> None:
    """One proposes, it is listed, another one confirms; neither sees a number, and the person reads of both acts."""
    kari = comes(environment, D_NUMBER)
    proposed = run(environment, "propose", "--operator", "anne", typed=BOTH)
    assert proposed.exit_code == 0, proposed.output
    line = proposed.output.splitlines()[-1].rpartition(": ")[2]
    proposal_id = line.split()[0]
    assert "proposed by anne" in line
    assert run(environment, "list").output.strip() == line
    confirmed = run(environment, "confirm", proposal_id, "--operator", "bjorn", typed=BOTH)
    assert confirmed.exit_code == 0, confirmed.output
    assert "Linked." in confirmed.output
    assert run(environment, "list").output == ""
    events = ["candidate.created", "number.link_proposed", "number.linked"]
    assert seen(environment, KARI) == seen(environment, D_NUMBER) == (kari, events)
    for answer in (proposed, confirmed):
        told = answer.output.replace(D_NUMBER.digits, "", 1).replace(
            KARI.digits, "", 1
        )  # a terminal shows what is typed
        assert D_NUMBER.digits not in told
        assert KARI.digits not in told


def test_what_can_not_be_done_is_said_in_a_sentence(environment: Environment) -> None:
    """One operator alone, other numbers, strangers, what is no number, what is not there: each ends with 1."""
    comes(environment, D_NUMBER)
    proposed = run(environment, "propose", "--operator", "anne", typed=BOTH)
    proposal_id = proposed.output.splitlines()[-1].rpartition(": ")[2].split()[0]
    others = f"{D_NUMBER.digits}\n{OLA.digits}\n"
    for words, typed, sentence in (
        (("confirm", proposal_id, "--operator", "anne"), BOTH, "another operator has to"),
        (("confirm", proposal_id, "--operator", "bjorn"), others, "not the numbers that were proposed"),
        (("confirm", proposal_id, "--operator", "bjorn"), "1\n2\n", "It must consist of 11 digits."),
        (("propose", "--operator", "anne"), f"{KARI.digits}\n{OLA.digits}\n", "Nobody here has either number"),
        (("propose", "--operator", "anne"), "13097248022\n13097248022\n", "not a test person's number"),
        (("propose", "--operator", "Anne Berg"), BOTH, "operator: Letters"),
        (("confirm", "no-such-proposal", "--operator", "bjorn"), BOTH, "nothing here"),
        (("cancel", "no-such-proposal", "--operator", "bjorn"), "", "nothing here"),
    ):
        answer = run(environment, *words, typed=typed)
        assert (answer.exit_code, sentence in answer.output) == (1, True), answer.output
    assert seen(environment, KARI)[0] is None


def test_a_proposal_is_taken_back(environment: Environment) -> None:
    """By either, or a third; then there is nothing to confirm."""
    comes(environment, D_NUMBER)
    proposed = run(environment, "propose", "--operator", "anne", typed=BOTH)
    proposal_id = proposed.output.splitlines()[-1].rpartition(": ")[2].split()[0]
    assert run(environment, "cancel", proposal_id, "--operator", "cecilie").exit_code == 0
    assert run(environment, "confirm", proposal_id, "--operator", "bjorn", typed=BOTH).exit_code == 1
    assert seen(environment, D_NUMBER)[1][1:] == ["number.link_proposed", "number.link_cancelled"]
