"""``keys``: the master key, whose versions wrap every other key, and what an operator does with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

import typer

from consent_service.app.opening import init_keys, lookup_change
from consent_service.cli.operating import fail, opened, operate
from consent_service.cli.progress import bar
from consent_service.clock import Clock, local_date
from consent_service.crypto.moving import Moving
from consent_service.crypto.providers import MasterVersion
from consent_service.persons import relookup as people
from consent_service.persons.relookup import Moved, NotMoved
from consent_service.settings import Misconfigured, Settings
from consent_service.vault import rotation
from consent_service.vault.rotation import Ahead, Begun, Broken, Needs, Retired, Rewrapped, StillNeeded

app = typer.Typer(no_args_is_help=True, help="Make, rotate and retire the keys. Nothing here shows one.")


@app.command()
def init() -> None:
    """Make the master key (a keyring readable by you alone, or a transit key) and the database's service keys. Once.

    Back a keyring up apart from the database: without it everything in the database is lost, with it and the
    database together everything can be read. A master key that is there is used, never replaced. Where a new version of
    the service has keys of its own, run it again, before the new version starts; the old one may go on meanwhile.

    Example: CONSENT_KEYRING=/secure/keyring.json consent-service keys init
    """
    made = operate(init_keys)
    typer.echo("The keys are made. Back the keyring up now." if made else "The keys are there already, and fit.")


ButBroken = Annotated[bool, typer.Option("--but-broken", help="Go on although some keys do not open. See above.")]


@app.command()
def rotate(but_broken: ButBroken = False) -> None:
    """Make a new version of the master key, and wrap every key under it, while the service runs.

    Content is not touched. It may be interrupted at any point: the next run goes on from there, and makes no further
    version until everything that opens is under the newest. Afterwards: keys retire.

    A key that does not open is left, named in an alarm, and holds up no other. One that needs a later version than
    there is may mean that this keyring is an old copy: no version is made then, unless --but-broken says it is not.

    Example: consent-service keys rotate
    """

    async def work(settings: Settings, clock: Clock) -> tuple[Begun, Rewrapped] | Ahead:
        async with opened(settings, clock) as here:
            begun = await rotation.begin(here.db, here.provider, local_date(clock.now()), but_broken=but_broken)
            if isinstance(begun, Ahead):
                return begun
            with bar("keys", begun.keys) as advance:
                return begun, await rotation.rewrap(here.db, here.provider, advance)

    answer = operate(work)
    if isinstance(answer, Ahead):
        fail(
            f"No version was made: {answer.keys} keys need a later one than there is here. The alarms above name them.",
            "Is there a newer copy of the keyring, put it here first. Otherwise: keys rotate --but-broken",
        )
    begun, rewrapped = answer
    how = "made" if begun.fresh else "there already, from a rotation that was interrupted"
    typer.echo(f"Version {begun.version} of the master key was {how}. Wrapped under it now: {rewrapped.done} keys.")
    if rewrapped.broken:
        fail(
            f"{rewrapped.broken} keys do not open and were left as they are: the alarms above name them.",
            "Put them back from a backup of the database and run it again, before anything is retired.",
        )


@app.command()
def status() -> None:
    """Say which versions of the master key there are, how old, and how many keys need each. Ends with 1 if late.

    Erased data can be read in a backup until the version that wrapped its key is retired: so rotate and retire at least
    once in the time that backups are kept (CONSENT_BACKUP_DAYS).

    Example: consent-service keys status
    """

    async def work(settings: Settings, clock: Clock) -> _Status:
        async with opened(settings, clock) as here:
            return _Status(
                versions=await here.provider.versions(),
                needs=await rotation.needs(here.db, here.provider),
                receipts=here.keys.service.receipts.kid,
                today=local_date(clock.now()),
                kept_for=timedelta(days=settings.backup_days),
            )

    found = operate(work)
    typer.echo(f"The master key fits the database. Receipts are signed by: {found.receipts}")
    for line in found.lines():
        typer.echo(line)
    if late := found.late():
        fail(*late)


@app.command()
def retire(
    version: Annotated[
        int | None, typer.Argument(help="This version and those before it. By default all but the newest.", min=1)
    ] = None,
    *,
    but_broken: ButBroken = False,
) -> None:
    """Destroy old versions of the master key, for good. Refuses while any key needs one.

    From then on nothing that was wrapped under them can be opened, in no backup either: that is what makes an erasure
    final. Destroy the copies of the old keyring too.

    A key that does not open, because its row was damaged, may still be sound in a backup of the database: put it back
    and run keys rotate. With --but-broken such keys are given up, and what they wrap is lost, in every backup too.

    Example: consent-service keys retire
    """

    async def work(settings: Settings, clock: Clock) -> Retired | StillNeeded | Broken:
        async with opened(settings, clock) as here:
            through = (await here.provider.versions())[-1].version - 1 if version is None else version
            return await rotation.retire(here.db, here.provider, through, but_broken=but_broken)

    answer = operate(work)
    if isinstance(answer, Broken):
        fail(
            f"Nothing was retired: {answer.keys} keys do not open. The alarms above name them.",
            "Put them back from a backup of the database, and run: consent-service keys rotate",
            "Or give them up, and what they wrap, for good: consent-service keys retire --but-broken",
        )
    if isinstance(answer, StillNeeded):
        fail(f"Nothing was retired: {answer.keys} keys still need it. Run first: consent-service keys rotate")
    gone = ", ".join(str(one) for one in answer.versions)
    typer.echo(
        f"Retired: {gone}. Destroy the copies of the old keyring too." if gone else "There is nothing to retire."
    )


@app.command()
def move() -> None:
    """Move every key from the other provider to the one in the settings, while the service runs; no content is touched.

    1. Set CONSENT_KEY_PROVIDER to where the keys go, CONSENT_OTHER_KEY_PROVIDER to where they are, and what either
       needs (CONSENT_KEYRING, CONSENT_TRANSIT_…). Make the new master key: keys init.
    2. Restart the processes with these settings, one after the other: they open what either wrapped.
    3. keys move. It may be interrupted, and run again.
    4. Take CONSENT_OTHER_KEY_PROVIDER away, and restart. Destroy the old master key with all its copies once backups
       from before are gone, or at once, to make erasures from before final: those backups are lost with it.

    The same way leads back.

    Example: consent-service keys move
    """

    async def work(settings: Settings, clock: Clock) -> Rewrapped:
        async with opened(settings, clock) as here:
            if not isinstance(here.provider, Moving):
                raise Misconfigured("CONSENT_OTHER_KEY_PROVIDER does not say where the keys are")
            with bar("keys", (await rotation.needs(here.db, here.provider)).total) as advance:
                return await rotation.move(here.db, here.provider, advance)

    moved = operate(work)
    if moved.broken:
        fail(f"Moved: {moved.done} keys. {moved.broken} do not open and were left as they are: see the log's alarms.")
    typer.echo(
        f"Moved: {moved.done} keys. The other provider holds none any more, and nothing that it wraps is stored."
    )


@app.command()
def relookup() -> None:
    """After the lookup key got out: make another, and find everybody under it. Stop every process of the service first.

    The lookup key finds a person by her number; whoever has it and a copy of the database can try numbers. The hashes
    are made anew from the sealed numbers, also of those who have not come yet. It may be interrupted, and until it is
    finished the service does not start. Answers kept for Idempotency-Key are forgotten.

    Whoever can't be opened can't be moved, and would be cut off: not found again, her consents beyond her reach. So all
    are looked at first, and while there is anybody, nothing changes and the service runs with the old key. Put what the
    alarms name back from a backup; a waiting item lapses by itself; a person whose data is lost erases herself, and
    comes anew. Then run it again.

    Example: consent-service keys relookup
    """

    async def work(settings: Settings, clock: Clock) -> Moved | NotMoved:
        async with lookup_change(settings, clock) as (db, provider, change):
            async with db.snapshot() as view:
                total = await people.count(view)
            with bar("people", 2 * total) as advance:  # each is looked at, and then moved
                return await people.relookup(db, provider, change, advance)

    answer = operate(work)
    if isinstance(answer, NotMoved):
        fail(
            f"{answer.broken} people or items can't be moved: the alarms above name them. The old lookup key stays.",
            "Others are moved already, so the service starts only when this has finished."
            if answer.begun
            else "Nothing was changed, and the service starts as before.",
            "What to do about them: consent-service keys relookup --help. Then run it again.",
        )
    typer.echo(f"Found under a new lookup key now: {answer.numbers} numbers and {answer.items} waiting items.")


@dataclass(frozen=True)
class _Status:
    versions: list[MasterVersion]
    needs: Needs
    receipts: str
    today: date
    kept_for: timedelta

    def lines(self) -> Iterator[str]:
        """A line for each version, and for those that keys need and nobody has."""
        known = {one.version for one in self.versions}
        for one in self.versions:
            needing = self.needs.by_version.get(one.version, 0)
            newest = "  (wraps from now on)" if one == self.versions[-1] else ""
            days = (self.today - one.created).days
            yield f"version {one.version}  made {one.created}  {days} days old  needed by {needing} keys{newest}"
        if elsewhere := self.needs.by_version.get(0, 0):
            yield f"{elsewhere} keys are held by another provider, or broken. To move them: keys move --help"
        for version in sorted(set(self.needs.by_version) - known - {0}):
            yield f"version {version}  is not there  needed by {self.needs.by_version[version]} keys, which do not open"

    def late(self) -> list[str]:
        """What should have been done by now."""
        late, newest, kept = [], self.versions[-1], f"the {self.kept_for.days} days that backups are kept"
        if self.today - newest.created > self.kept_for:
            late.append(f"The newest version is older than {kept}. Run: consent-service keys rotate")
        elif len(self.versions) > 1 and self.today - self.versions[1].created > self.kept_for:
            late.append(f"Version {self.versions[0].version} was replaced longer ago than {kept}. Run: keys retire")
        left = self.needs.through(newest.version - 1)
        if left:
            late.append(f"{left} keys are not under the newest version yet. Run: keys rotate (it names the broken)")
        return late
