"""``audit``: the log's signed head, for whoever keeps a copy of it outside our reach; and whether the log is whole."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from consent_service.app.assembly import log_origin
from consent_service.app.opening import Opened
from consent_service.audit import publishing, sequencer
from consent_service.audit.notes import VerifierKey, read_note, read_verifier_key
from consent_service.audit.verification.receipts import Witness, read_witness
from consent_service.audit.verification.tree import Kept
from consent_service.audit.verification.verify import Verified, work_ahead
from consent_service.audit.verification.verify import verify as verify_log
from consent_service.cli.operating import fail, opened, operate
from consent_service.clock import Clock
from consent_service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look after the log: its signed head, and whether it is whole.")

_OPERATOR = "operator"  # whoever types: the lease that one command took is the next one's

Publish = Annotated[Path | None, typer.Option(help="Put it into this file, unless a newer one is there.")]
Checkpoints = Annotated[list[Path] | None, typer.Option("--checkpoint", help="A checkpoint that was kept elsewhere.")]
Receipts = Annotated[list[Path] | None, typer.Option("--receipt", help="A receipt that somebody kept (compact JWS).")]
Keys = Annotated[list[str] | None, typer.Option("--key", help="A former checkpoint key: name+id+base64.")]


@app.command()
def checkpoint(publish: Publish = None) -> None:
    """Sign the log's head now (C2SP text form), and print it or publish it.

    A copy kept outside our reach is what a log that was cut, rolled back or forked fails on: put it where nobody who
    can write the database can. A file that holds a head which this log does not continue is left as it is.

    Example: consent-service audit checkpoint --publish /mnt/elsewhere/log.txt
    """

    async def work(settings: Settings, clock: Clock) -> str | None:
        async with opened(settings, clock) as here:
            return await _signed(here, log_origin(settings), published, clock)

    published = publish.read_text("utf-8", "replace") if publish is not None and publish.exists() else None
    try:
        note = operate(work)
    except sequencer.HistoryChanged:
        fail("The log is no longer what was signed, and is not signed again. See: consent-service audit verify")
    except publishing.NotContinued as broken:
        fail(str(broken))
    if note is None:
        fail("Nothing can be signed yet: the log is empty.")
    if publish is None:
        typer.echo(note, nl=False)
        return
    try:
        publishing.replace(publish, note.encode())
    except OSError as error:
        fail(f"{error.strerror}: {publish}")
    typer.echo(f"Published: {note.splitlines()[1]} leaves, in {publish}")


async def _signed(here: Opened, origin: str, published: str | None, clock: Clock) -> str | None:
    now = clock.now()
    async with here.db.transaction() as tx:  # what a running process numbers by itself, this one leaves to it
        while await sequencer.sequence(tx, holder=_OPERATOR, now=now):
            continue
    async with here.db.transaction() as tx:
        if await sequencer.size(tx) == 0:
            return None
        await sequencer.sign_now(tx, here.keys.service.checkpoints, origin, now=now)
    async with here.db.snapshot() as view:
        note = await sequencer.newest_note(view)
        if note is not None and published is not None:
            await publishing.check_continued(view, note, published)
    return note


@app.command()
def verify(
    checkpoint: Checkpoints = None,
    receipt: Receipts = None,
    key: Keys = None,
) -> None:
    """Verify the whole log, and name what was done to it: attacks A1 to A14, a line each. Ends with 1 if any was found.

    From the database alone a log that was cut back together with its newest checkpoints, or rolled back, looks whole:
    give checkpoints and receipts that others kept. A checkpoint key that was replaced still vouches for what it signed:
    give it with --key.

    Example: consent-service audit verify --checkpoint /mnt/elsewhere/log.txt
    """

    async def work(settings: Settings, clock: Clock) -> tuple[Verified, float]:
        async with opened(settings, clock) as here:
            signers = [VerifierKey(log_origin(settings), here.keys.service.checkpoints.public), *_keys(key or [])]
            witnesses = [_witness(path, here) for path in receipt or []]
            return await _verified(here, signers, [_kept(path) for path in checkpoint or []], witnesses)

    found, seconds = operate(work)
    speed = f"{found.entries / seconds:,.0f} entries/s".replace(",", " ")
    if found.findings:
        rest = [f"… and {found.left_out} more"] if found.left_out else []
        fail(*(str(finding) for finding in found.findings), *rest, f"The log is NOT whole. {speed}")
    typer.echo(
        f"The log is whole: {found.entries} entries in {found.chains} chains, {found.leaves} of them numbered, "
        f"{found.signed} under the newest of {found.checkpoints} checkpoints. {speed}"
    )


async def _verified(
    here: Opened, signers: list[VerifierKey], kept: list[Kept], witnesses: list[Witness]
) -> tuple[Verified, float]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    begun = time.perf_counter()
    async with here.db.snapshot() as view:
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
            bar = progress.add_task("leaves and entries", total=await work_ahead(view))
            found = await verify_log(
                view,
                here.keys.service.log,
                signers,
                kept=kept,
                witnesses=witnesses,
                looked_at=lambda steps: progress.advance(bar, steps),
            )
    return found, time.perf_counter() - begun


def _kept(path: Path) -> Kept:
    note = read_note(path.read_text(encoding="utf-8", errors="replace"))
    if note is None:
        fail(f"{path} is not a checkpoint.")
    return Kept(str(path), note)


def _witness(path: Path, here: Opened) -> Witness:
    witness = read_witness(here.keys.service.receipts, path.read_text(errors="replace").strip(), name=str(path))
    if witness is None:
        fail(f"{path} is not a receipt that this service signed.")
    return witness


def _keys(texts: list[str]) -> list[VerifierKey]:
    keys = [read_verifier_key(text) for text in texts]
    if None in keys:
        fail("A checkpoint key is written name+id+base64.")
    return [one for one in keys if one is not None]
