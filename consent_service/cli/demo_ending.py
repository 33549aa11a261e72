"""Steps 7 and 8: a consent is revoked, the log is read, one person erases himself."""

from __future__ import annotations

from datetime import timedelta

from consent_clients.checkpoints import Checkpoint
from consent_clients.models import Consent, PushedPlan
from consent_service.cli import demo_words as words
from consent_service.cli import sandbox_players as players
from consent_service.cli.demo_cast import Cast, hears, logged, note_parts, read, refused
from consent_service.cli.demo_telling import Telling, until
from consent_service.identity.units import UnitKind


async def share_the_plan_and_revoke(cast: Cast, say: Telling, guidance: Consent, plan: PushedPlan) -> None:
    """A second consent stays, the first is revoked, and NAV's next fetch is refused."""
    say.step(7, "She shares the plan with NAV, and takes back the note")
    preview = await cast.marit.preview(
        purpose="plan_follow_up",
        recipient_id=cast.unit_ids[UnitKind.NAV],
        parts=[
            {"resource": "plan", "resource_id": plan["id"], "version": plan["version"], "part": part}
            for part in ("route", "steps")
        ],
        valid_until=cast.today + timedelta(days=90),
    )
    shared = await cast.marit.grant(preview)
    await hears(cast.nav, shared["id"], "granted")
    say.sees("NAV", read(await cast.nav.release(shared["id"], words.NAV_EMPLOYEE)))
    answer = await cast.marit.revoke(guidance["id"])
    say.sees("Candidate", f"Revokes the note's consent: it is {answer['consent']['state']}.")
    await refused(
        say,
        "NAV's next fetch is refused",
        lambda: cast.nav.release(guidance["id"], words.NAV_EMPLOYEE),
    )
    await hears(cast.nav, guidance["id"], "revoked")
    say.sees("NAV", "The feed says: revoked. NAV fetches nothing more, and has its duty to delete.")
    receipt = await cast.marit.receipt(guidance["id"])
    say.holds("the end has its receipt too", receipt.verify(await cast.marit.jwks()))
    say.holds("the plan's consent is untouched", await cast.nav.release(shared["id"], words.NAV_EMPLOYEE))


async def look_back(cast: Cast, say: Telling, guidance: Consent) -> None:
    """Her log, refused attempts included; her export; and the log's own proof."""
    say.step(8, "She reads who asked and who saw what, exports all; Ola erases himself")
    log = await cast.marit.log()
    lines = [f"{entry['at'][:19]}  {entry['event']:<24}  {entry['unit'] or ''}" for entry in log]
    say.sees("Candidate", "\n".join(["Her access log:", *lines]))
    say.holds("the refused attempts are in it", logged(log, "release.refused", guidance["id"]))
    bundle = await cast.marit.export()
    say.holds("her export has the note's words", words.EDITED_STRENGTH in str(bundle))

    async def signed() -> Checkpoint | None:
        head = await cast.nav.check_log()
        return head if head.size else None

    head = await until("the audit log's head is signed", signed)
    say.holds(f"the audit log proves to NAV that it was only appended to ({head.size} entries)", True)


async def erase(cast: Cast, say: Telling) -> None:
    """Ola shares, erases himself, and nothing of his is there for anybody."""
    code = await cast.career_centre.hand_over(words.NOTE_OF_OLA, words.COUNSELLOR)
    await cast.ola.introduce(players.OLA.name)
    note = await cast.ola.accept((await cast.ola.claim(code.code))["id"])
    preview = await cast.ola.preview(
        purpose="guidance_follow_up",
        recipient_id=cast.unit_ids[UnitKind.NAV],
        parts=note_parts(note, ["interests"]),
        valid_until=cast.today + timedelta(days=30),
    )
    consent = await cast.ola.grant(preview)
    await cast.nav.release(consent["id"], words.NAV_EMPLOYEE)
    keys = await cast.ola.jwks()
    statement = await cast.ola.erase()
    destroyed = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in statement.claims["destroyed"].items())
    say.sees("Candidate", f"Ola erases himself. Destroyed: {destroyed}.\nWhat stays: {statement.claims['what_stays']}.")
    say.holds("the statement of it is signed", statement.verify(keys))
    await refused(
        say,
        "what NAV could fetch a moment ago is gone",
        lambda: cast.nav.release(consent["id"], words.NAV_EMPLOYEE),
    )
    say.holds("a search by his number finds nothing", not await cast.nav.search(players.OLA.national_id))


async def leave_something_waiting(cast: Cast, say: Telling) -> None:
    """A request that waits for Marit, for whoever logs in as her afterwards."""
    waiting = await cast.nav.ask(
        players.MARIT.national_id,
        purpose="guidance_follow_up",
        part_kinds=["note.interests", "note.motivation"],
        message="Vi vil gjerne lese litt mer før møtet neste uke.",
        reply_by=(cast.today + timedelta(days=14)).isoformat(),
    )
    found = await cast.marit.consents(status="requested")
    say.holds("a request from NAV waits for Marit's answer", [each["id"] for each in found] == [waiting["id"]])
