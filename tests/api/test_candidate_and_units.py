"""The doors as candidates and units use them: what each gets, and what nobody gets."""

from __future__ import annotations

import asyncio
import base64
import json
from hashlib import sha256

import pytest

from consent_service.app import problems
from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, NOTE, OLA
from tests.support.house import House, fresh_key, part

NAV, TRAINING, CENTRE = UnitKind.NAV, UnitKind.VOCATIONAL_TRAINING, UnitKind.CAREER_CENTRE


async def test_a_draft_becomes_a_note(house: House) -> None:
    """A code opens its draft once, and the draft becomes a note, and then the next version of it."""
    handed = await house.hand_over(NOTE)
    assert set(handed) == {"id", "code", "claim_url", "lapses_at"}
    kari = await house.as_person(KARI)
    claimed = await house.http.post("/v1/me/note-drafts/claim", json={"code": handed["code"]}, headers=kari)
    assert claimed.status_code == 201
    draft = claimed.json()
    assert draft["sections"] == NOTE["sections"]
    assert draft["handed_over_by"]["id"] == house.unit(CENTRE).id
    again = await house.http.post("/v1/me/note-drafts/claim", json={"code": handed["code"]}, headers=kari)
    assert (again.status_code, again.json()["type"]) == (404, "/problems/code-not-valid")
    listed = (await house.http.get("/v1/me/note-drafts", headers=kari)).json()
    assert [one["id"] for one in listed["items"]] == [draft["id"]]
    accepted = await house.http.post(f"/v1/me/note-drafts/{draft['id']}/accept", json={}, headers=kari)
    assert (accepted.status_code, accepted.headers["etag"]) == (201, '"1"')
    note = accepted.json()
    code = (await house.hand_over(NOTE))["code"]
    second = (await house.http.post("/v1/me/note-drafts/claim", json={"code": code}, headers=kari)).json()
    body = {"note_id": note["id"], "content": {**NOTE, "language": "nn"}}
    path = f"/v1/me/note-drafts/{second['id']}/accept"
    assert (await house.http.post(path, json=body, headers=kari)).status_code == 428
    revised = await house.http.post(path, json=body, headers={**kari, "If-Match": '"1"'})
    assert revised.status_code == 201
    assert (revised.json()["id"], revised.json()["version"]) == (note["id"], 2)


async def test_a_mistyped_code_is_told_apart(house: House) -> None:
    """A code whose check character does not fit is no code of anybody's, and says so."""
    kari = await house.as_person(KARI)
    answer = await house.http.post("/v1/me/note-drafts/claim", json={"code": "0000-0000-0000-0001"}, headers=kari)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/code"


async def test_tries_are_bounded(house: House) -> None:
    """A person who tries codes is stopped after ten, and told when to come back."""
    kari = await house.as_person(KARI)
    for _ in range(10):
        answer = await house.http.post("/v1/me/note-drafts/claim", json={"code": "0" * 16}, headers=kari)
        assert answer.status_code == 404
    answer = await house.http.post("/v1/me/note-drafts/claim", json={"code": "0" * 16}, headers=kari)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


async def test_withdrawing_a_draft_says_nothing(house: House) -> None:
    """DELETE is always 204: for one's own, a claimed, a foreign, an unknown and an impossible id."""
    handed = await house.hand_over(NOTE)
    centre = await house.as_unit(CENTRE)
    for draft_id in (handed["id"], handed["id"], "6a1d5dd0-3c0c-4d4b-8f0e-0d5c7f7a9e02", "not-an-id"):
        answer = await house.http.delete(f"/v1/note-drafts/{draft_id}", headers=centre)
        assert (answer.status_code, answer.content) == (204, b"")
    kari = await house.as_person(KARI)
    claimed = await house.http.post("/v1/me/note-drafts/claim", json={"code": handed["code"]}, headers=kari)
    assert claimed.status_code == 404


async def test_notes_are_versioned(house: House) -> None:
    """A change names the version that it was made on; the rest of the door knows versions too."""
    kari = await house.as_person(KARI)
    assert (await house.http.get("/v1/me/notes", headers=kari)).json() == {"items": [], "next": None}
    note = await house.own_note(KARI, NOTE)
    path = f"/v1/me/notes/{note['id']}"
    changed = {**NOTE, "sections": {"interests": "Båt"}}
    assert (await house.http.put(path, json=changed, headers=kari)).status_code == 428
    for tag in ('"2"', "2", "*", 'W/"1"'):
        answer = await house.http.put(path, json=changed, headers={**kari, "If-Match": tag})
        assert answer.status_code == 412, tag
    assert (await house.http.put(path, json=changed, headers={**kari, "If-Match": '"1"'})).status_code == 200
    read = await house.http.get(path, headers=kari)
    assert (read.headers["etag"], read.json()["sections"]) == ('"2"', {"interests": "Båt"})
    listed = (await house.http.get("/v1/me/notes", headers=kari)).json()["items"]
    assert [(one["version"], one["sections"], one["questions"]) for one in listed] == [(2, ["interests"], 1)]
    assert (await house.http.delete(path, headers=kari)).status_code == 204
    assert (await house.http.get(path, headers=kari)).status_code == 404


async def test_lists_are_paged(house: House) -> None:
    """``next`` leads from page to page, and ends; no note is left out or comes twice."""
    kari = await house.as_person(KARI)
    written = {(await house.own_note(KARI, NOTE))["id"] for _ in range(5)}
    seen: list[str] = []
    after = ""
    while True:
        page = (await house.http.get("/v1/me/notes", params={"after": after, "limit": 2}, headers=kari)).json()
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert len(seen) == 5
    assert set(seen) == written


async def test_nobody_shares_without_a_name(house: House) -> None:
    """A consent always carries who the person is, so the name comes first."""
    kari = await house.as_person(KARI)
    assert (await house.http.get("/v1/me", headers=kari)).json() == {"name": None}
    note = (await house.http.post("/v1/me/notes", json=NOTE, headers=kari)).json()
    wanted = {
        "purpose": "guidance_follow_up",
        "recipient_id": house.unit(NAV).id,
        "parts": [part(note, "interests")],
        "valid_until": house.day(30),
    }
    answer = await house.http.post("/v1/me/consents/preview", json=wanted, headers=kari)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-missing")


async def test_what_was_shown_is_what_is_released(house: House) -> None:
    """The preview's bytes, their hash, and the release are one and the same; the receipt proves it with the salt."""
    note = await house.own_note(KARI, NOTE)
    kari = await house.as_person(KARI)
    consent = await house.share(KARI, note, "interests", "question_nav:q1")
    wanted = {
        "purpose": "guidance_follow_up",
        "recipient_id": house.unit(NAV).id,
        "parts": consent["parts"],
        "valid_until": house.day(60),
    }
    shown = await house.http.post("/v1/me/consents/preview", json=wanted, headers=kari)
    released = await house.release(consent["id"])
    assert released.status_code == 200
    answer = released.json()
    raw = released.content
    content = raw[raw.index(b'"content":') + len(b'"content":') : -1]
    assert sha256(content).hexdigest() == answer["content_sha256"] == shown.json()["sha256"]
    assert answer["content"] == shown.json()["content"]
    assert answer["content"]["person"]["national_id"] == KARI
    receipt = (await house.http.get(f"/v1/consents/{consent['id']}/receipt", headers=await house.as_unit(NAV))).json()
    salt = bytes.fromhex(answer["salt"])
    claims = receipt["receipt"]
    assert sha256(salt + KARI.encode()).hexdigest() == claims["data_subject_commitment"]
    assert sha256(salt + bytes.fromhex(answer["content_sha256"])).hexdigest() == claims["content_commitment"]


async def test_a_changed_note_can_not_be_granted_unseen(house: House) -> None:
    """A grant that names another hash than that of what would be shared is refused."""
    note = await house.own_note(KARI, NOTE)
    wanted = {
        "purpose": "guidance_follow_up",
        "recipient_id": house.unit(NAV).id,
        "parts": [part(note, "interests")],
        "valid_until": house.day(60),
        "preview_sha256": "0" * 64,
    }
    answer = await house.http.post("/v1/me/consents", json=wanted, headers=await house.as_person(KARI))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/preview-changed")


async def test_one_answer_for_whatever_is_not_yours(house: House) -> None:
    """Unknown, foreign, unconsented and ended consents are answered alike, in body and headers."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests")
    kari = await house.as_person(KARI)
    ended = await house.share(KARI, note, "strengths")
    revoked = await house.http.post(f"/v1/me/consents/{ended['id']}/revoke", json={}, headers=kari)
    assert revoked.status_code == 200
    assert revoked.json()["letters_already_out"] == []
    answers = [
        await house.release("6a1d5dd0-3c0c-4d4b-8f0e-0d5c7f7a9e02"),
        await house.release(consent["id"], TRAINING),
        await house.release(ended["id"]),
        await house.release("not-an-id"),
    ]
    seen = set()
    for answer in answers:
        body = answer.json()
        assert body.pop("request_id") == answer.headers["nav-call-id"]
        headers = {name: value for name, value in answer.headers.items() if name not in {"date", "nav-call-id"}}
        headers.pop("content-length")
        seen.add(json.dumps([answer.status_code, body, headers], sort_keys=True))
    assert len(seen) == 1
    assert answers[0].status_code == 404


async def test_a_repeated_release_spends_no_use(house: House) -> None:
    """The same key passes the gate again and is the same release; another key spends the next use, and then no more."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests", max_uses=2)
    same = fresh_key()
    first = await house.release(consent["id"], headers=same)
    repeat = await house.release(consent["id"], headers=same)
    assert first.json()["release_id"] == repeat.json()["release_id"]
    second = await house.release(consent["id"])
    assert second.json()["release_id"] != first.json()["release_id"]
    assert (await house.release(consent["id"])).status_code == 404


async def test_a_unit_sees_metadata_of_its_own_alone(house: House) -> None:
    """Lists and single consents show units what concerns them, without a word of content or which parts there are."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests")
    nav, training = await house.as_unit(NAV), await house.as_unit(TRAINING)
    listed = (await house.http.get("/v1/consents", headers=nav)).json()["items"]
    assert [one["id"] for one in listed] == [consent["id"]]
    assert "parts" not in listed[0]
    found = await house.http.post("/v1/consents/search", json={"national_id": KARI}, headers=nav)
    assert [one["id"] for one in found.json()["items"]] == [consent["id"]]
    assert "Motorer" not in found.text + (await house.http.get(f"/v1/consents/{consent['id']}", headers=nav)).text
    assert (await house.http.get("/v1/consents", headers=training)).json()["items"] == []
    for path in ("", "/receipt"):
        answer = await house.http.get(f"/v1/consents/{consent['id']}{path}", headers=training)
        assert answer.status_code == 404
    for number in (OLA, KARI):
        nothing = await house.http.post("/v1/consents/search", json={"national_id": number}, headers=training)
        assert nothing.json() == {"items": []}


async def test_the_candidate_reads_that_she_was_looked_for(house: House) -> None:
    """A search, a release and a refusal stand in her log, with unit and office, newest first; a stranger's do not."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests")
    await house.http.post("/v1/consents/search", json={"national_id": KARI}, headers=await house.as_unit(NAV))
    await house.release(consent["id"])
    await house.release(consent["id"], TRAINING)
    log = (await house.http.get("/v1/me/access-log", headers=await house.as_person(KARI))).json()["items"]
    told = [(one["event"], one["unit"], one["office"], one["outcome"]) for one in log[:3]]
    assert told == [
        ("release.refused", "Enhet vocational_training", "0501", "not_recipient"),
        ("release.released", "Enhet nav", "0501", None),
        ("consents.searched", "Enhet nav", "0501", "1"),
    ]
    assert log[1]["purpose"] == "guidance_follow_up"
    assert [one["position"] for one in log] == sorted((one["position"] for one in log), reverse=True)
    assert (await house.http.get("/v1/me/access-log", headers=await house.as_person(OLA))).json()["items"] == []


async def test_asking_is_the_same_for_known_and_unknown(house: House) -> None:
    """A request to a person who was never here is answered as any other, and waits until she comes."""
    await house.own_note(KARI, NOTE)
    nav = await house.as_unit(NAV)
    asked = []
    for number in (KARI, OLA):
        body = {
            "national_id": number,
            "purpose": "guidance_follow_up",
            "part_kinds": ["note.interests"],
            "message": "Vi vil gjerne lese om interessene dine.",
            "reply_by": house.day(20),
        }
        answer = await house.http.post("/v1/consent-requests", json=body, headers={**nav, **fresh_key()})
        assert answer.status_code == 201
        asked.append(answer.json())
    assert [set(one) for one in asked] == [{"id", "state", "reply_by"}] * 2
    for number, one in zip((KARI, OLA), asked, strict=True):
        person = await house.as_person(number)
        await house.http.put("/v1/me", json={"name": "Et Navn"}, headers=person)
        waiting = (await house.http.get("/v1/me/consents", params={"status": "requested"}, headers=person)).json()
        assert [consent["id"] for consent in waiting["items"]] == [one["id"]]
    refused = await house.http.post(
        f"/v1/me/consents/{asked[0]['id']}/refuse", json={}, headers=await house.as_person(KARI)
    )
    assert refused.json()["state"] == "refused"
    states = [(await house.http.get(f"/v1/consents/{one['id']}", headers=nav)).json()["state"] for one in asked]
    assert states == ["requested", "requested"]
    house.clock.advance(days=22)
    nav = await house.as_unit(NAV)
    states = [(await house.http.get(f"/v1/consents/{one['id']}", headers=nav)).json()["state"] for one in asked]
    assert states == ["not_granted", "not_granted"]


async def test_a_request_can_be_taken_back(house: House) -> None:
    """The asker may cancel its own request, twice if it likes; nobody else can."""
    nav = await house.as_unit(NAV)
    body = {
        "national_id": KARI,
        "purpose": "guidance_follow_up",
        "part_kinds": ["note.interests"],
        "message": "Kan vi lese?",
        "reply_by": house.day(20),
    }
    asked = (await house.http.post("/v1/consent-requests", json=body, headers={**nav, **fresh_key()})).json()
    path = f"/v1/consent-requests/{asked['id']}"
    assert (await house.http.delete(path, headers=await house.as_unit(TRAINING))).status_code == 404
    assert (await house.http.delete(path, headers=nav)).status_code == 204
    assert (await house.http.delete(path, headers=nav)).status_code == 204
    kari = await house.as_person(KARI)
    await house.http.put("/v1/me", json={"name": "Kari"}, headers=kari)
    assert (await house.http.get("/v1/me/consents", headers=kari)).json()["items"] == []


async def test_the_feed_and_the_log_follow_commits(house: House) -> None:
    """An event has its number, and the log its signed head, once the jobs have run; the proof leads from old to new."""
    jobs = house.service.jobs()
    nav = await house.as_unit(NAV)
    note = await house.own_note(KARI, NOTE)
    await jobs.number_events()
    await jobs.sequence_log()
    older = (await house.http.get("/v1/audit/checkpoint", headers=nav)).text
    consent = await house.share(KARI, note, "interests")
    house.clock.advance(seconds=11)
    await jobs.number_events()
    await jobs.sequence_log()
    feed = await house.http.get("/v1/events", headers=nav)
    (event,) = feed.json()["items"]
    assert (event["number"], event["consent_id"], event["state"]) == (1, consent["id"], "granted")
    newer = base64.b64decode(feed.headers["audit-checkpoint"]).decode()
    sizes = {"from": older.splitlines()[1], "to": newer.splitlines()[1]}
    proof = await house.http.get("/v1/audit/consistency", params=sizes, headers=nav)
    assert proof.status_code == 200
    assert all(len(base64.b64decode(node)) == 32 for node in proof.json()["proof"])
    from_nothing = await house.http.get("/v1/audit/consistency", params={**sizes, "from": "0"}, headers=nav)
    assert from_nothing.json() == {"proof": []}
    beyond = {"from": "1", "to": "1000000"}
    assert (await house.http.get("/v1/audit/consistency", params=beyond, headers=nav)).status_code == 404
    assert (await house.http.get("/v1/events", params={"after": 1}, headers=nav)).json()["items"] == []


async def test_everything_can_be_taken_along_and_erased(house: House) -> None:
    """The export has the words; after the erasure nothing is left, for her and for the unit that could read."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests")
    kari = await house.as_person(KARI)
    told = await house.http.get("/v1/me/export", headers=kari)
    assert "Motorer og fjell" in told.text
    erased = await house.http.delete("/v1/me", headers=kari)
    assert erased.status_code == 200
    assert erased.json()["statement"]["destroyed"]["keys"] == 1
    assert (await house.release(consent["id"])).status_code == 404
    assert (await house.http.get("/v1/me", headers=kari)).json() == {"name": None}
    assert (await house.http.delete("/v1/me", headers=kari)).status_code == 404


async def test_the_public_documents_are_public(house: House) -> None:
    """Purposes, keys and the contract need no caller, and may be cached; the rest may not."""
    for path in ("/v1/purposes", "/.well-known/jwks.json"):
        answer = await house.http.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=3600"
    keys = (await house.http.get("/.well-known/jwks.json")).json()["keys"]
    assert [(one["kty"], one["alg"]) for one in keys] == [("EC", "ES256"), ("OKP", "EdDSA")]
    assert not any("d" in one for one in keys)
    assert (await house.http.get("/openapi.json")).json()["openapi"].startswith("3.1")
    docs = await house.http.get("/docs")
    assert "/v1/consents/{consent_id}/releases" in docs.text
    assert "script" not in docs.text
    assert "http://" not in docs.text.replace(house.url, "")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_every_type_of_problem_leads_to_its_page(house: House) -> None:
    """A problem's ``type`` is an address that explains it; another slug is not available."""
    for problem in problems.ALL:
        page = await house.http.get(problem.type)
        assert page.status_code == 200, problem.type
        assert problem.title in page.text.replace("&#x27;", "'")
    assert (await house.http.get("/problems/no-such-problem")).status_code == 404


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_many_at_once_stay_apart(house: House) -> None:
    """Calls that share a moment get each their own."""
    note = await house.own_note(KARI, NOTE)
    consents = [await house.share(KARI, note, "interests") for _ in range(4)]
    answers = await asyncio.gather(*(house.release(consent["id"]) for consent in consents for _ in range(5)))
    assert [answer.json()["consent_id"] for answer in answers] == [one["id"] for one in consents for _ in range(5)]
    assert len({answer.json()["release_id"] for answer in answers}) == 20


async def test_a_release_says_who_acts(house: House) -> None:
    """Without an employee and an office nothing is released, and the header is checked before the gate is asked."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests")
    for said in ("", 'id="A123456"', f'id="A{KARI}", office="0501"', 'id="A1", office="0501", more="x"'):
        answer = await house.release(consent["id"], headers={"Acting-Employee": said})
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/acting-employee-required")
    headers = await house.as_unit(NAV)
    answer = await house.http.post(f"/v1/consents/{consent['id']}/releases", json={}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/idempotency-key-required")
