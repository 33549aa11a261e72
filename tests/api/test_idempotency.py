"""A call that creates something is carried out once, however often and however many at once it is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from consent_service.api.idempotency import parse_key
from consent_service.errors import IdempotencyKeyRequired
from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, NOTE, OLA
from tests.support.house import House, fresh_key

NAV, TRAINING, CENTRE = UnitKind.NAV, UnitKind.VOCATIONAL_TRAINING, UnitKind.CAREER_CENTRE


def _ask(house: House, **changes: Any) -> dict[str, Any]:
    return {
        "national_id": KARI,
        "purpose": "guidance_follow_up",
        "part_kinds": ["note.interests"],
        "message": "Kan vi lese?",
        "reply_by": house.day(20),
        **changes,
    }


async def _asked(house: House, key: dict[str, str], body: dict[str, Any]) -> httpx.Response:
    return await house.http.post("/v1/consent-requests", json=body, headers={**await house.as_unit(NAV), **key})


@pytest.mark.parametrize(
    "values",
    [[], [""], ['""'], ["abc"], ['"abc'], ['"a" "b"'], ['"a"', '"a"'], ['"' + "a" * 256 + '"'], ['"å"'], ['"a\r\n"']],
)
def test_a_key_is_one_quoted_string(values: list[str]) -> None:
    """Anything but one RFC 8941 string of 1 to 255 characters is refused."""
    with pytest.raises(IdempotencyKeyRequired):
        parse_key(values)


@pytest.mark.parametrize(
    ("value", "key"), [('"abc"', "abc"), (r'"a\"b\\c"', 'a"b\\c'), ('"' + "a" * 255 + '"', "a" * 255)]
)
def test_a_key_is_read_as_it_was_meant(value: str, key: str) -> None:
    """Escapes are resolved."""
    assert parse_key([value]) == key


async def test_the_key_is_demanded(house: House) -> None:
    """Every unit's POST that creates says so when the key is missing."""
    nav, training, centre = [await house.as_unit(kind) for kind in (NAV, TRAINING, CENTRE)]
    calls: list[tuple[str, dict[str, str], dict[str, Any]]] = [
        ("/v1/consent-requests", nav, _ask(house)),
        ("/v1/note-drafts", centre, NOTE),
        (
            "/v1/mapping-requests",
            nav,
            {
                "national_id": KARI,
                "recipient_id": house.unit(TRAINING).id,
                "background": "Fordi",
                "reply_by": house.day(9),
            },
        ),
        (
            "/v1/plans",
            training,
            {
                "outcome": "no_plan",
                "language": "nb",
                "other_routes": [{"kind": "modular", "text": "Moduler"}],
                "contact": {"name": "En"},
                "valid_until": house.day(30),
                "consent_id": house.unit(NAV).id,
            },
        ),
    ]
    for path, headers, body in calls:
        answer = await house.http.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/idempotency-key-required"), path


async def test_the_same_call_has_the_same_answer(house: House) -> None:
    """Same key, same content: same status and body, and nothing happens twice, whatever order the fields come in."""
    key = fresh_key()
    body = _ask(house)
    first = await _asked(house, key, body)
    again = await _asked(house, key, dict(reversed(body.items())))
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    listed = await house.http.get("/v1/consents", headers=await house.as_unit(NAV))
    assert len(listed.json()["items"]) == 1


async def test_a_code_is_the_same_when_asked_again(house: House) -> None:
    """A lost answer to a hand-over can be had again by who has the key, and is no second draft."""
    key = fresh_key()
    headers = {**await house.as_unit(CENTRE), **key}
    first = await house.http.post("/v1/note-drafts", json=NOTE, headers=headers)
    again = await house.http.post("/v1/note-drafts", json=NOTE, headers=headers)
    assert again.json() == first.json()


async def test_another_content_is_refused(house: House) -> None:
    """The same key with another content is 422; the first call stands."""
    key = fresh_key()
    first = await _asked(house, key, _ask(house))
    other = await _asked(house, key, _ask(house, message="Noe annet"))
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert (await _asked(house, key, _ask(house))).content == first.content


async def test_a_key_is_the_units_own(house: House) -> None:
    """Another unit, or another route, with the same key is another call."""
    key = fresh_key()
    await _asked(house, key, _ask(house))
    body = _ask(house, purpose="competence_mapping", part_kinds=["note.interests"])
    training = {**await house.as_unit(TRAINING), **key}
    answer = await house.http.post("/v1/consent-requests", json=body, headers=training)
    assert answer.status_code == 201, answer.text
    mapping = {
        "national_id": OLA,
        "recipient_id": house.unit(TRAINING).id,
        "background": "Fordi",
        "reply_by": house.day(9),
    }
    nav = {**await house.as_unit(NAV), **key}
    assert (await house.http.post("/v1/mapping-requests", json=mapping, headers=nav)).status_code == 201


async def test_a_failed_call_keeps_nothing(house: House) -> None:
    """What was refused did not begin, so the corrected call may use the key again."""
    key = fresh_key()
    refused = await _asked(house, key, _ask(house, reply_by="2020-01-01"))
    assert refused.status_code == 422
    assert (await _asked(house, key, _ask(house))).status_code == 201


async def test_fifty_at_once_are_one(house: House) -> None:
    """However many first uses of a key there are at once: one effect, and no answer but that one's or 'in a moment'."""
    key, body = fresh_key(), _ask(house)
    answers = await asyncio.gather(*(_asked(house, key, body) for _ in range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    done = {answer.content for answer in answers if answer.status_code == 201}
    assert len(done) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "/problems/idempotency-conflict"
            assert answer.headers["retry-after"] == "1"
    listed = await house.http.get("/v1/consents", headers=await house.as_unit(NAV))
    assert len(listed.json()["items"]) == 1


async def test_a_key_is_free_again_after_its_time(house: House) -> None:
    """Answers are kept for a week, and then forgotten."""
    key, body = fresh_key(), _ask(house)
    first = await _asked(house, key, body)
    house.clock.advance(days=8)
    await house.service.jobs().lapse()
    assert (await _asked(house, key, body)).json()["id"] != first.json()["id"]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_nothing_kept_can_be_read(house: House, migrated_url: str) -> None:
    """Neither the key, nor the number, nor the code, nor the words stand in what is kept."""
    key = fresh_key()
    headers = {**await house.as_unit(CENTRE), **key}
    handed = (await house.http.post("/v1/note-drafts", json=NOTE, headers=headers)).json()
    await _asked(house, fresh_key(), _ask(house))
    await house.service.close()
    path = Path(migrated_url.removeprefix("sqlite:///"))
    raw = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    for secret in (
        key["Idempotency-Key"].strip('"'),
        handed["code"],
        handed["code"].replace("-", ""),
        KARI,
        "Kan vi lese",
    ):
        assert secret.encode() not in raw
