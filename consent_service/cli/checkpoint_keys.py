"""``audit rotate-key`` and ``retire-key``: another key for the log's heads, without anybody losing sight of the log."""

from typing import Annotated

import typer

from consent_service.app.assembly import log_origin
from consent_service.app.opening import Opened
from consent_service.audit.notes import VerifierKey, read_note
from consent_service.cli.operating import fail, opened, operate
from consent_service.cli.signing import sign_head
from consent_service.clock import Clock
from consent_service.settings import Settings

Distrust = Annotated[bool, typer.Option("--distrust", help="It got out: what it alone signed is believed no more.")]


def rotate_key() -> None:
    """Let a new key sign the log's heads, and the old one beside it, while the service runs.

    Each head names the new key above both signatures, so whoever trusts the old one can take the new one over: our
    clients do so by themselves when they next see a head. Leave that time; hand the key printed here to whoever keeps
    keys by hand. It also stands at /.well-known/jwks.json. Then: audit retire-key.

    Example: consent-service audit rotate-key
    """

    async def work(settings: Settings, clock: Clock) -> tuple[bool, list[VerifierKey]]:
        async with opened(settings, clock) as here:
            origin = log_origin(settings)
            made = await here.keys.checkpoints.begin(here.keys.service.log, clock, origin)
            signers = await here.keys.checkpoints.current()
            await sign_head(here, settings, clock)
            leaving = [] if signers.leaving is None else [VerifierKey(origin, signers.leaving.public)]
            return made, [VerifierKey(origin, signers.signing.public), *leaving]

    made, keys = operate(work)
    typer.echo("A new key signs the log's heads now." if made else "A new key signs already, since an earlier call.")
    for name, key in zip(("The new key:      ", "Signs beside it:  "), keys, strict=False):
        typer.echo(f"{name}{key}")


def retire_key(distrust: Distrust = False) -> None:
    """Destroy the key that signs beside the new one. What it signed still verifies, unless it got out (--distrust).

    Refuses until a head was signed by both. From then on a client that holds the old key alone refuses the log's heads,
    and has to be told the new one.

    Example: consent-service audit retire-key
    """

    async def work(settings: Settings, clock: Clock) -> bool:
        async with opened(settings, clock) as here:
            if not distrust:
                await _demand_both(here, settings, clock)
            ended = await here.keys.checkpoints.end(
                here.keys.service.log, clock, log_origin(settings), trusted=not distrust
            )
            await sign_head(here, settings, clock)
            return ended

    if not operate(work):
        fail("No key signs beside another. Make a new one first: consent-service audit rotate-key")
    typer.echo(
        "The old key is destroyed. Give it to audit verify --key for as long as the heads before are to be believed."
        if distrust
        else "The old key is destroyed. What it signed still verifies."
    )


async def _demand_both(here: Opened, settings: Settings, clock: Clock) -> None:
    leaving = (await here.keys.checkpoints.current()).leaving
    text = await sign_head(here, settings, clock)
    note = None if text is None else read_note(text)
    if leaving is not None and (
        note is None or not note.signed_by([VerifierKey(log_origin(settings), leaving.public)]) or not note.next_key
    ):
        fail("No head was signed by both keys yet. Wait some seconds, and try again.")
