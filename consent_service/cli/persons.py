"""``persons``: two operators say together that two numbers are one person's. Numbers are typed in, and shown to nobody.

A number is never a word of a command, which shells and the system keep where others read it.
"""

from collections.abc import Callable
from typing import Annotated, Final

import typer

from consent_service.app.assembly import controller, number_rule
from consent_service.cli.operating import fail, opened, operate
from consent_service.clock import Clock, local_date, rfc3339
from consent_service.persons import proposals
from consent_service.persons.linking import Linkable, NotLinked, Pair
from consent_service.persons.numbers import Fault
from consent_service.persons.proposals import NotConfirmed, Proposal
from consent_service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Link another number to a person who can't log in with it. It takes two.")

ProposalId = Annotated[str, typer.Argument(help="The proposal's id, as `persons list` shows it.")]
Operator = Annotated[str, typer.Option(help="Who you are, as the person will read it in her log.")]

_WHY: Final = {
    NotLinked.SAME_NUMBER: "That is the same number twice.",
    NotLinked.NOBODYS: "Nobody here has either number: there is nothing to link.",
    NotLinked.LINKED_ALREADY: "They are linked already.",
    NotLinked.TWO_CANDIDATES: "Each number has a person's things under it already, and two can't become one. "
    "She can take everything along from one, delete it, and link then.",
    NotConfirmed.LAPSED: "The proposal is too old: propose anew.",
    NotConfirmed.SAME_OPERATOR: "Whoever proposed can't confirm: another operator has to.",
    NotConfirmed.OTHER_NUMBERS: "These are not the numbers that were proposed, or not in that order.",
}


@app.command()
def propose(operator: Operator) -> None:
    """Say that two numbers are one person's, after having seen what shows it. Asks for both; links nothing yet.

    For who can't log in with the number she had, such as a D-number that has become a fødselsnummer. Who can, links by
    herself: "Your data", "Your numbers". Another operator confirms within three days. Whoever logs in with either
    number sees everything of hers from then on; she reads in her log who did this.

    Example: consent-service persons propose --operator anne.berg
    """
    pair = _ask()

    async def work(settings: Settings, clock: Clock) -> Proposal | NotLinked | Fault:
        admitted = pair(settings, clock)
        if isinstance(admitted, Fault):
            return admitted
        async with opened(settings, clock) as here, here.db.transaction() as tx:
            return await proposals.propose(tx, here.keys.service, admitted, operator, at=clock.now())

    answer = operate(work)
    if not isinstance(answer, Proposal):
        fail(_why(answer))
    typer.echo(_line(answer))


@app.command("list")
def list_() -> None:
    """Show what waits for a second operator: the proposal's id, by whom, until when. No number.

    Example: consent-service persons list
    """

    async def work(settings: Settings, clock: Clock) -> list[Proposal]:
        async with opened(settings, clock) as here, here.db.snapshot() as view:
            return await proposals.every(view, here.keys.service, now=clock.now())

    for proposal in operate(work):
        typer.echo(_line(proposal))


@app.command()
def confirm(proposal_id: ProposalId, operator: Operator) -> None:
    """Link the numbers of a proposal, as another operator, after having seen what shows it. Asks for both anew.

    Example: consent-service persons confirm 4c1e… --operator bjorn.dal
    """
    pair = _ask()

    async def work(settings: Settings, clock: Clock) -> Linkable | NotLinked | NotConfirmed | Fault:
        admitted = pair(settings, clock)
        if isinstance(admitted, Fault):
            return admitted
        async with opened(settings, clock) as here:
            service, held_for = here.keys.service, controller(settings).organisation_number
            async with here.db.snapshot() as view:
                proposal = await proposals.find(view, service, proposal_id)
            key = await here.keys.candidate(proposal.candidate_id)
            async with here.db.transaction() as tx:
                return await proposals.confirm(
                    tx, service, key, proposal_id, admitted, operator, held_for=held_for, at=clock.now()
                )

    answer = operate(work)
    if not isinstance(answer, Linkable):
        fail(_why(answer))
    typer.echo("Linked. Both numbers find the same person now, and she reads in her log that you two did it.")


@app.command()
def cancel(proposal_id: ProposalId, operator: Operator) -> None:
    """Take a proposal back that nobody has confirmed.

    Example: consent-service persons cancel 4c1e… --operator bjorn.dal
    """

    async def work(settings: Settings, clock: Clock) -> Proposal:
        async with opened(settings, clock) as here, here.db.transaction() as tx:
            return await proposals.cancel(tx, here.keys.service, proposal_id, operator, at=clock.now())

    typer.echo(f"Taken back: {operate(work).id}")


def _ask() -> Callable[[Settings, Clock], Pair | Fault]:
    """Both numbers, as typed; admitted once the settings say which numbers are."""
    before = typer.prompt("The number she has had").strip()
    now = typer.prompt("The number she has now").strip()

    def admit(settings: Settings, clock: Clock) -> Pair | Fault:
        rule, today = number_rule(settings), local_date(clock.now())
        first, second = rule.admit(before, on=today), rule.admit(now, on=today)
        if isinstance(first, Fault):
            return first
        return second if isinstance(second, Fault) else Pair(first, second)

    return admit


def _why(refused: NotLinked | NotConfirmed | Fault) -> str:
    return f"A number is not right. {refused}" if isinstance(refused, Fault) else f"Not linked. {_WHY[refused]}"


def _line(proposal: Proposal) -> str:
    return f"{proposal.id}  proposed by {proposal.proposed_by}  until {rfc3339(proposal.lapses_at)}"
