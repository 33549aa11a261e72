"""Limits at the doors: what a caller that calls too often is answered, and whom that leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, OLA
from tests.provision.redis import Redis
from tests.support.house import house as running_house

NAV, CENTRE, TRAINING = UnitKind.NAV, UnitKind.CAREER_CENTRE, UnitKind.VOCATIONAL_TRAINING
pytestmark = [
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
    pytest.mark.usefixtures("early_in_the_minute"),
]


async def test_a_unit_that_calls_too_often_waits_and_no_other_does(
    migrated_url: str, tmp_path: Path, redis_server: Redis
) -> None:
    """429 says when to come back. The other unit of the organisation can't tell how much the first calls."""
    more = {"CONSENT_UNIT_CALLS_PER_MINUTE": "3", "CONSENT_REDIS_URL": redis_server.url}
    async with running_house(migrated_url, tmp_path, **more) as house:
        training, centre = await house.as_unit(TRAINING), await house.as_unit(CENTRE)
        statuses = [(await house.http.get("/v1/consents", headers=training)).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        refused = await house.http.get("/v1/consents", headers=training)
        assert refused.json()["type"] == "/problems/too-many-requests"
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        path = "/v1/note-drafts/00000000-0000-4000-8000-000000000000"
        assert (await house.http.delete(path, headers=centre)).status_code == 204


async def test_searches_have_a_limit_of_their_own(migrated_url: str, tmp_path: Path) -> None:
    """It counts searches alone, and a refused one names nobody in anybody's log."""
    async with running_house(migrated_url, tmp_path, CONSENT_SEARCHES_PER_MINUTE="2") as house:
        nav = await house.as_unit(NAV)
        answers = [
            await house.http.post("/v1/consents/search", json={"national_id": KARI}, headers=nav) for _ in range(3)
        ]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert (await house.http.get("/v1/consents", headers=nav)).status_code == 200


async def test_a_person_who_calls_too_often_waits_and_no_other_does(migrated_url: str, tmp_path: Path) -> None:
    """Each person by herself."""
    async with running_house(migrated_url, tmp_path, CONSENT_PERSON_CALLS_PER_MINUTE="3") as house:
        kari, ola = await house.as_person(KARI), await house.as_person(OLA)
        statuses = [(await house.http.get("/v1/me/consents", headers=kari)).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert (await house.http.get("/v1/me/consents", headers=ola)).status_code == 200
