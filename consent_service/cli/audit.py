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
from consent_service.audit import publishing
from consent_service.audit.notes import VerifierKey, read_note, read_verifier_key, verifier_keys
from consent_service.audit.publishing import Published
from consent_service.audit.verification.attacks import legend
from consent_service.audit.verification.receipts import Witness, read_witness
from consent_service.audit.verification.tree import Kept
from consent_service.audit.verification.verify import Verified, work_ahead
from consent_service.audit.verification.verify import verify as verify_log
from consent_service.cli.checkpoint_keys import retire_key, rotate_key
from consent_service.cli.operating import fail, opened, operate
from consent_service.cli.signing import sign_head
from consent_service.clock import Clock
from consent_service.consents import standing
from consent_service.identity import registry
from consent_service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look after the log: its signed head, its keys, and whether it is whole.")
app.command("rotate-key")(rotate_key)
app.command("retire-key")(retire_key)

Publish = Annotated[
    Path | None, typer.Option(help="A file, replaced whole; or a folder, to which a file is added for each head.")
]
Checkpoints = Annotated[list[Path] | None, typer.Option("--checkpoint", help="A checkpoint that was kept elsewhere.")]
Receipts = Annotated[list[Path] | None, typer.Option("--receipt", help="A receipt that somebody kept (compact JWS).")]
Keys = Annotated[list[str] | None, typer.Option("--key", help="A checkpoint key that was distrusted: name+id+base64.")]


@app.command()
def checkpoint(publish: Publish = None) -> None:
    """Sign the log's head now (C2SP text form), and print it or publish it.

    A copy kept outside our reach is what a log that was cut, rolled back or forked fails on. So put it where nobody who
    can write the database can take it back: a folder in a bucket that is mounted write-once, a git repository that
    others clone, a mailing list, a newspaper. Run it by a timer, every hour or day, as a user who may add there.

    A head there that is larger than this log, or that this log does not continue, is left as it is, with an alarm and
    exit code 1.

    Example: consent-service audit checkpoint --publish /mnt/write-once/consent-log/
    """

    async def work(settings: Settings, clock: Clock) -> str | Published | None:
        async with opened(settings, clock) as here:
            note = await sign_head(here, settings, clock)
            if note is None or publish is None:
                return note
            async with here.db.snapshot() as view:
                keys = verifier_keys(here.keys.checkpoints.known, log_origin(settings))
                return await publishing.publish(view, note, publish, keys)

    try:
        done = operate(work)
    except publishing.NotContinued as broken:
        fail(str(broken))
    if done is None:
        fail("Nothing can be signed yet: the log is empty.")
    if isinstance(done, str):
        typer.echo(done, nl=False)
    else:
        typer.echo(f"Published: {done.size} leaves, in {done.path}")


@app.command()
def verify(
    checkpoint: Checkpoints = None,
    receipt: Receipts = None,
    key: Keys = None,
) -> None:
    """Verify the whole log, and name what was done to it: attacks A1 to A14, a line each. Ends with 1 if any was found.

    Where what was left can't tell attacks apart, the line names each that leaves it ("A3, A4 or A9": gone from a
    chain's middle, from its end, or a whole chain), and what the names mean follows.

    From the database alone a log that was cut back together with its newest checkpoints, or rolled back, looks whole:
    give checkpoints and receipts that others kept. A checkpoint key that was rotated out still vouches for what it
    signed; one that was distrusted does so only where it is given with --key.

    Example: consent-service audit verify --checkpoint /mnt/elsewhere/log.txt
    """

    async def work(settings: Settings, clock: Clock) -> tuple[Verified, float]:
        async with opened(settings, clock) as here:
            signers = [*verifier_keys(here.keys.checkpoints.known, log_origin(settings)), *_keys(key or [])]
            witnesses = [_witness(path, here) for path in receipt or []]
            return await _verified(here, signers, [_kept(path) for path in checkpoint or []], witnesses)

    found, seconds = operate(work)
    speed = f"{found.entries / seconds:,.0f} entries/s".replace(",", " ")
    if found.findings:
        rest = [f"… and {found.left_out} more"] if found.left_out else []
        meant = legend(found.findings)
        fail(*(str(finding) for finding in found.findings), *rest, *meant, f"The log is NOT whole. {speed}")
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
                changed=standing.changed(here.keys.service.rows),
                registered=registry.changed(here.keys.service),
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
