"""Steps 1 to 3: a note changes hands, is shared with NAV, and is read."""

from __future__ import annotations

from datetime import timedelta

from consent_clients.models import Consent
from consent_clients.notes import Note
from consent_service.cli import demo_words as words
from consent_service.cli import sandbox_players as players
from consent_service.cli.demo_cast import Cast, hears, kinds, logged, note_parts, read, refused, shown
from consent_service.cli.demo_telling import Telling
from consent_service.identity.units import UnitKind


async def hand_over(cast: Cast, say: Telling) -> Note:
    """The draft, its one-time code, the candidate's edit, and a second conversation."""
    say.step(1, "The career centre hands over a note, and has no access from then on")
    code = await cast.career_centre.hand_over(words.NOTE, words.COUNSELLOR)
    say.sees("Career centre", f"Shows a pick-up code: {code.code} (lapses {code.lapses_at[:10]})\n{code.qr()}")
    await cast.marit.introduce(players.MARIT.name)
    draft = await cast.marit.claim(code.code)
    centre = draft["handed_over_by"]
    say.sees("Candidate", f"Logs in, enters the code, reads the draft from {centre['name'] if centre else 'nobody'}.")
    await refused(say, "the code works once", lambda: cast.ola.claim(code.code))
    await cast.career_centre.withdraw(draft["id"])
    say.holds("a claimed draft can't be withdrawn", [each["id"] for each in await cast.marit.drafts()])
    note = await cast.marit.accept(
        draft["id"],
        content={
            "language": draft["language"],
            "sections": {**draft["sections"], "strengths": words.EDITED_STRENGTH},
            "questions": draft["questions"],
        },
    )
    say.sees("Candidate", f"Changes a sentence and accepts it as her own note, version {note['version']}.")
    again = await cast.career_centre.hand_over(
        {**words.NOTE, "sections": {"motivation": words.SECOND_CONVERSATION}, "questions": []},
        words.COUNSELLOR,
    )
    second = await cast.marit.claim(again.code)
    note = await cast.marit.accept(
        second["id"],
        note_id=note["id"],
        version=note["version"],
        content={
            "language": note["language"],
            "sections": {**note["sections"], "motivation": words.SECOND_CONVERSATION},
            "questions": note["questions"],
        },
    )
    say.holds("a second conversation became version 2 of the same note", note["version"] == 2)
    return note


async def share_with_nav(cast: Cast, say: Telling, note: Note) -> Consent:
    """The preview, and the grant that names its hash."""
    say.step(2, "The candidate sees exactly what NAV would get, and grants it")
    sections = ("education_and_work", "strengths", "way_forward", "question_nav:q2")
    preview = await cast.marit.preview(
        purpose="guidance_follow_up",
        recipient_id=cast.unit_ids[UnitKind.NAV],
        parts=note_parts(note, sections),
        valid_until=cast.today + timedelta(days=60),
    )
    say.sees("Candidate", f"{shown(preview)}\nuntil {preview.valid_until}; hash {preview.sha256[:16]}…")
    consent = await cast.marit.grant(preview)
    say.holds("what she left out is not in it", "note.needs" not in kinds(consent))
    receipt = await cast.marit.receipt(consent["id"])
    receipt.verify(await cast.marit.jwks())
    say.holds("the receipt is signed (ES256) and holds against the published key", receipt.jws)
    say.holds("the receipt has no identity number or name in it", players.MARIT.name not in str(receipt.claims))
    return consent


async def nav_reads(cast: Cast, say: Telling, consent: Consent) -> None:
    """The feed, the release, and the log that has it before NAV does."""
    say.step(3, "NAV hears of it, and fetches")
    await hears(cast.nav, consent["id"], "granted")
    say.sees("NAV", f"The feed says: consent {consent['id'][:8]}… granted. Nothing else.")
    found = await cast.nav.search(players.MARIT.national_id)
    say.holds("a search by number finds the consent", consent["id"] in [each["id"] for each in found])
    say.holds("and for a person unknown here it finds none", not await cast.nav.search(players.ELSE.national_id))
    release = await cast.nav.release(consent["id"], words.NAV_EMPLOYEE)
    say.sees("NAV", read(release))
    log = await cast.marit.log()
    say.holds("the candidate's log has the read", logged(log, "release.released", consent["id"]))
    receipt = await cast.nav.receipt(consent["id"])
    receipt.verify(await cast.nav.jwks())
    say.holds(
        "the release's salt proves that the receipt is about her, and about nobody else",
        receipt.about(players.MARIT.national_id, release.salt)
        and not receipt.about(players.OLA.national_id, release.salt),
    )
    say.holds("and that it covers exactly what she was shown", receipt.covers(release.content_sha256, release.salt))
    await refused(
        say,
        "vocational training, not named in the consent, is refused",
        lambda: cast.training.release(consent["id"], words.TRAINING_EMPLOYEE),
    )
