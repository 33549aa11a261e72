"""NAV's audit log at the door: a line for each content that an employee of NAV's is shown, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, NOTE
from tests.api.stories import ask_mapping, grant_mapping
from tests.support.house import fresh_key
from tests.support.house import house as running_house

NAV, TRAINING = UnitKind.NAV, UnitKind.VOCATIONAL_TRAINING
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


async def test_each_showing_to_an_employee_of_nav_is_a_line(migrated_url: str, tmp_path: Path) -> None:
    """A repeat shows it once more; a machine, a refusal, metadata and vocational training show NAV nothing."""
    log = tmp_path / "nav.log"
    async with running_house(migrated_url, tmp_path, CONSENT_NAV_AUDIT_LOG=f"file:{log}") as house:
        note = await house.own_note(KARI, NOTE)
        consent, key = (await house.share(KARI, note, "interests"))["id"], fresh_key()
        for _ in range(2):
            answer = await house.release(consent, headers=key)
            assert answer.status_code == 200
        assert len(log.read_text().splitlines()) == 2
        machine = {"Acting-Employee": 'id="system", office="0501"'}
        assert (await house.release(consent, headers=machine)).status_code == 200
        assert (await house.release("00000000-0000-4000-8000-000000000000")).status_code == 404
        assert (await house.http.get("/v1/consents", headers=await house.as_unit(NAV))).status_code == 200
        request, mapping = await ask_mapping(house, KARI, house.unit(TRAINING).id)
        await house.http.get("/v1/me/consents", headers=await house.as_person(KARI))
        await grant_mapping(house, KARI, request, mapping)
        assert (await house.release(mapping, TRAINING)).status_code == 200
        first, second = log.read_text().splitlines()
        assert first == second
        told = answer.json()
        for said in (
            "CEF:0|Trondelagsmodellen|consent-service|1.0|audit:read|Auditlogg|INFO|suid=A123456 ",
            f" duid={KARI} end={house.clock.now() // 1000} ",
            f" cs3={told['release_id']} msg=Ansatt ved Enhet nav, kontor 0501, leste det du har delt: ",
        ):
            assert said in first
        front = (await house.http.get("/", headers={"Accept": "text/html"})).text
        assert "får Nav vite det i sin egen logg" in front


async def test_without_a_line_nothing_is_shown_and_a_repeat_spends_nothing(migrated_url: str, tmp_path: Path) -> None:
    """503; the candidate's own log says that it was released, and with the place there again the same key has it."""
    folder = tmp_path / "away"
    more = {"CONSENT_NAV_AUDIT_LOG": f"file:{folder / 'nav.log'}"}
    async with running_house(migrated_url, tmp_path, **more) as house:
        note = await house.own_note(KARI, NOTE)
        consent, key = (await house.share(KARI, note, "interests", max_uses=1))["id"], fresh_key()
        refused = await house.release(consent, headers=key)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/unavailable")
        assert "Motorer" not in refused.text
        folder.mkdir()
        assert (await house.release(consent, headers=key)).status_code == 200
        assert len((folder / "nav.log").read_text().splitlines()) == 1
        log = (await house.http.get("/v1/me/access-log", headers=await house.as_person(KARI))).json()["items"]
        assert [one["event"] for one in log if one["event"].startswith("release.")] == [
            "release.repeated",
            "release.released",
        ]


async def test_it_is_off_unless_somebody_turns_it_on(migrated_url: str, tmp_path: Path) -> None:
    """And then no page says otherwise."""
    async with running_house(migrated_url, tmp_path) as house:
        assert house.service.nav_log is None
        front = (await house.http.get("/", headers={"Accept": "text/html"})).text
        assert "får Nav vite det i sin egen logg" not in front
