"""The gate: nothing crosses without a consent in force."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256

import pytest
from prometheus_client import REGISTRY

from consent_service.audit.log import SERVICE_CHAIN, lock, open_detail, read
from consent_service.clock import DAY
from consent_service.consents.checks import reason_against
from consent_service.consents.gate import Refused, Released
from consent_service.consents.states import State
from consent_service.consents.sweep import sweep
from consent_service.consents.terms import commit, from_bytes
from consent_service.crypto.envelope import open_sealed, seal
from consent_service.identity import registry
from consent_service.storage.engine import Statement
from tests.consents.conftest import WORDS, Town

ALARMS = "consent_rows_tampered_total"


async def events(town: Town, chain: str | None = None) -> list[str]:
    """What the candidate's chain (or another) says happened."""
    async with town.db.snapshot() as view:
        return [row["event"] for row in await read(view, chain or town.candidate_id)]


async def test_a_consent_in_force_releases_exactly_what_was_shown(town: Town) -> None:
    """The recipient gets the bytes whose hash the candidate agreed to: the person, the chosen parts, nothing else."""
    choice = town.choice("interests")
    seen = await town.sha256(choice)
    consent = await town.grant(choice, sha256=seen)
    released = await town.release(consent.id)
    assert isinstance(released, Released)
    assert sha256(released.content).hexdigest() == released.content_sha256 == seen
    content = json.loads(released.content)
    assert content["person"] == {"national_id": "21879498012", "name": "Kari Test"}
    assert [(part["part"], part["content"]) for part in content["parts"]] == [
        ("interests", {"text": WORDS["interests"]})
    ]


async def test_the_salt_proves_the_receipts_commitment(town: Town) -> None:
    """With the salt of the release, the recipient can show whom the terms are about, and what was shown."""
    consent = await town.grant()
    released = await town.release(consent.id)
    assert isinstance(released, Released)
    terms = from_bytes(consent.terms)
    assert commit(released.salt, b"21879498012") == terms.data_subject_commitment
    assert commit(released.salt, bytes.fromhex(released.content_sha256)) == terms.content_commitment


async def test_the_log_says_who_before_the_recipient_knows_what(town: Town) -> None:
    """The entry stands in the candidate's chain, with employee, office and content hash in its sealed detail."""
    consent = await town.grant()
    released = await town.release(consent.id)
    assert isinstance(released, Released)
    async with town.db.snapshot() as view:
        last = (await read(view, town.candidate_id))[-1]
    assert last["event"] == "release.released"
    opened = open_detail(town.keys.service.log, town.candidate_id, last)
    assert opened is not None
    assert json.loads(opened[1]) == {
        "employee": "A123456",
        "office": "0501",
        "content_sha256": released.content_sha256,
    }


async def test_revoking_closes_the_gate(town: Town) -> None:
    """The next release is refused, and the refused attempt is in the log."""
    consent = await town.grant()
    await town.revoke(consent.id)
    assert await town.release(consent.id) == Refused("ended")
    assert (await events(town))[-2:] == ["consent.revoked", "release.refused"]


async def test_a_revoked_row_restored_by_hand_opens_nothing(town: Town) -> None:
    """Putting a consent's row back as it was before the revoke releases nothing, and raises the alarm."""
    consent = await town.grant()
    async with town.db.snapshot() as view:
        row = await view.row(Statement("SELECT * FROM consent WHERE id = :id"), id=consent.id)
    assert row is not None
    await town.revoke(consent.id)
    async with town.db.transaction() as tx:
        await tx.run(
            Statement(
                "UPDATE consent SET state = :state, state_position = :position, row_mac = :mac, ended_at = NULL"
                " WHERE id = :id"
            ),
            id=consent.id,
            state=row["state"],
            position=row["state_position"],
            mac=row["row_mac"],
        )
    assert await town.release(consent.id) == Refused("tampered")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("valid_until", 1_999_999_999_999_999),
        ("state", "paused"),
        ("uses", 7),
        ("recipient_id", "another"),
        ("terms", b"{}"),
        ("terms_mac", bytes(32)),
        ("row_mac", bytes(32)),
        ("requested_kinds", '["note.needs"]'),
    ],
)
async def test_a_changed_row_refuses_every_use(town: Town, column: str, value: object) -> None:
    """Every column is covered by a MAC: a row changed behind the service's back is refused, and is left as it is.

    Operators hear of it.
    """
    consent = await town.grant()
    async with town.db.transaction() as tx:
        await tx.run(Statement(f"UPDATE consent SET {column} = :value WHERE id = :id"), id=consent.id, value=value)
    alarms = REGISTRY.get_sample_value(ALARMS) or 0
    assert await town.release(consent.id) == Refused("tampered")
    assert REGISTRY.get_sample_value(ALARMS) == alarms + 1
    async with town.db.snapshot() as view:
        assert await view.value(Statement(f"SELECT {column} FROM consent WHERE id = :id"), id=consent.id) == value


async def test_a_row_of_another_candidate_is_refused_alone(town: Town) -> None:
    """A consent moved to a chain that does not exist is refused, and others in the batch are not held up."""
    moved, whole = await town.grant(), await town.grant()
    async with town.db.transaction() as tx:
        await tx.run(Statement("UPDATE consent SET candidate_id = 'nobody' WHERE id = :id"), id=moved.id)
    refused, released = await asyncio.gather(town.release(moved.id), town.release(whole.id))
    assert isinstance(refused, Refused)
    assert isinstance(released, Released)


async def test_another_unit_of_the_same_organisation_gets_nothing(town: Town) -> None:
    """The wall stands between units, not organisation numbers."""
    consent = await town.grant()
    assert await town.release(consent.id, unit=town.other_nav) == Refused("not_recipient")


async def test_a_disabled_unit_gets_nothing(town: Town) -> None:
    """Whether a unit is enabled is read in the gate's own transaction."""
    consent = await town.grant()
    async with town.db.transaction() as tx:
        await registry.disable(tx, town.desk.keys, town.nav.id, at=town.clock.now())
    assert await town.release(consent.id) == Refused("unit_disabled")


async def test_an_attempt_that_names_nobody_goes_to_the_services_own_chain(town: Town) -> None:
    """An unknown consent is refused, and recorded, like any other."""
    assert await town.release("00000000-0000-0000-0000-000000000000") == Refused("unknown")
    assert await events(town, SERVICE_CHAIN) == ["release.refused"]


async def test_the_gate_closes_at_the_end_by_itself(town: Town) -> None:
    """From valid_until on nothing is released, whether or not anybody wrote the end down."""
    consent = await town.grant()
    town.clock.advance(days=40)
    assert await town.release(consent.id) == Refused("expired")


async def test_a_clock_set_back_revives_nothing(town: Town) -> None:
    """Now is the later of the clock and the chain's last entry."""
    consent = await town.grant()
    town.clock.advance(days=40)
    await town.release(consent.id)
    town.clock.advance(days=-39)
    assert await town.release(consent.id) == Refused("expired")


async def test_fifty_at_once_for_one_use(town: Town) -> None:
    """With one use left exactly one of fifty concurrent releases succeeds, and the consent is used up."""
    consent = await town.grant(town.choice(max_uses=1))
    answers = await asyncio.gather(*(town.release(consent.id) for _ in range(50)))
    assert sum(isinstance(answer, Released) for answer in answers) == 1
    log = await events(town)
    assert log.count("release.released") == 1
    assert log.count("release.refused") == 49


async def test_a_repeat_passes_the_gate_again_and_spends_nothing(town: Town) -> None:
    """The same key gets the same release, logged as a repeat, also after the last use; another key gets nothing."""
    consent = await town.grant(town.choice(max_uses=2))
    first = await town.release(consent.id, key="once")
    assert isinstance(first, Released)
    assert isinstance(await town.release(consent.id, key="twice"), Released)
    again = await town.release(consent.id, key="once")
    assert isinstance(again, Released)
    assert (again.release_id, again.repeated, again.content) == (first.release_id, True, first.content)
    assert await town.release(consent.id, key="thrice") == Refused("used_up")
    await town.revoke(consent.id)
    assert await town.release(consent.id, key="once") == Refused("ended")


async def test_a_consent_ends_as_used_up_when_repeats_are_over(town: Town) -> None:
    """For a quarter of an hour a lost last answer can be fetched again; then the shares are gone."""
    consent = await town.grant(town.choice(max_uses=1))
    await town.release(consent.id, key="once")
    assert await sweep(town.db, town.desk, town.clock) == 0
    town.clock.advance(seconds=16 * 60)
    assert await sweep(town.db, town.desk, town.clock) == 1
    assert await town.release(consent.id, key="once") == Refused("ended")
    assert "consent.used_up" in await events(town)


async def test_uses_can_not_be_put_back(town: Town) -> None:
    """A counted release is a step in the consent's life: the row from before it agrees with the log no more."""
    consent = await town.grant(town.choice(max_uses=2))
    await town.release(consent.id)
    async with town.db.transaction() as tx:
        await tx.run(
            Statement("UPDATE consent SET uses = 0, state_position = :position, row_mac = :mac WHERE id = :id"),
            id=consent.id,
            position=consent.state_position,
            mac=consent.row_mac,
        )
    assert await town.release(consent.id) == Refused("tampered")


async def test_a_forged_release_makes_no_repeat(town: Town) -> None:
    """A remembered release carries a MAC: one that was written by hand lets no use go unspent, and is alarmed of."""
    consent = await town.grant(town.choice(max_uses=1))
    await town.release(consent.id, key="once")
    async with town.db.transaction() as tx:
        forged = sha256(f"{town.nav.id}\x00forged".encode()).hexdigest()
        await tx.run(Statement("UPDATE release SET key_hash = :hash"), hash=forged)
    assert await town.release(consent.id, key="forged") == Refused("tampered")


async def test_a_chain_that_somebody_holds_keeps_nobody_else_waiting(town: Town) -> None:
    """While one candidate's chain is locked, releases of others go through; hers waits for its turn."""
    hers, unknown = await town.grant(), "00000000-0000-0000-0000-000000000000"
    if town.db.dialect == "sqlite":
        return  # one writer at a time is SQLite's own rule
    async with town.db.transaction() as tx:
        await lock(tx, [town.candidate_id])
        waiting = asyncio.create_task(town.release(hers.id))
        assert await asyncio.wait_for(town.release(unknown), 1) == Refused("unknown")
        assert not waiting.done()
    assert isinstance(await waiting, Released)


async def test_a_gate_that_is_stopped_leaves_nobody_waiting(town: Town) -> None:
    """Stopping the gate's own task fails those who wait, as unavailable, instead of leaving them for ever."""
    consent = await town.grant()
    call = asyncio.create_task(town.release(consent.id))
    await asyncio.sleep(0.001)
    for task in asyncio.all_tasks():
        if task.get_name() == "gate":
            task.cancel()
    done, _ = await asyncio.wait({call}, timeout=5)
    assert done


async def test_a_caller_who_goes_away_cancels_nothing(town: Town) -> None:
    """The batch runs in a task of its own: others get their answers, and the entry of the one who left stands.

    Also if that was the first to come, with whom the batch began.
    """
    for turn, gone in enumerate((0, 2), start=1):
        consent = await town.grant()
        calls = [asyncio.create_task(town.release(consent.id)) for _ in range(5)]
        await asyncio.sleep(0)
        calls[gone].cancel()
        answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
        assert sum(isinstance(answer, Released) for answer in answers) == 4
        assert (await events(town)).count("release.released") == 5 * turn


async def test_a_candidates_key_is_not_needed_to_release(town: Town) -> None:
    """A recipient's path never touches a candidate's key: with it gone, a live consent still releases."""
    consent = await town.grant()
    async with town.db.transaction() as tx:
        await tx.run(Statement("DELETE FROM candidate_key"))
    town.keys.forget(town.candidate_id)
    assert isinstance(await town.release(consent.id), Released)


async def test_other_words_under_the_same_key_are_not_released(town: Town) -> None:
    """Whoever has the recipient's key can seal other words where hers were; they are not what was shown to her."""
    consent = await town.grant(town.choice("interests"))
    ref, key = town.note("interests"), await town.keys.recipient(town.nav.id)
    held = Statement(
        "SELECT wrapped_key FROM share WHERE consent_id = :id AND part = 'interests' AND recipient_id = :unit"
    )
    put = Statement("UPDATE part SET sealed = :sealed WHERE resource_id = :note AND part = 'interests'")
    bound = from_bytes(consent.terms).share_terms(town.nav.id)
    async with town.db.transaction() as tx:
        wrapped = await tx.value(held, id=consent.id, unit=town.nav.id)
        data_key = open_sealed(key.secret, bytes(wrapped), bound.aad(ref))
        other = seal(data_key, b'{"text":"Noe annet"}', ref.content_aad())
        assert await tx.run(put, sealed=other, note=town.note_id) == 1
    assert await town.release(consent.id) == Refused("tampered")


async def test_a_unit_that_became_another_kind_gets_nothing(town: Town) -> None:
    """The unit is what it was when she said yes, and is asked what it is in the gate's own transaction."""
    consent = await town.grant()
    async with town.db.transaction() as tx:
        await tx.run(Statement("UPDATE unit SET kind = 'vocational_training' WHERE id = :id"), id=town.nav.id)
    assert await town.release(consent.id) == Refused("recipient_changed")


async def test_a_unit_of_a_kind_that_the_purpose_does_not_admit_gets_nothing(town: Town) -> None:
    """The purpose says which kinds it admits, whatever was granted."""
    terms = from_bytes((await town.grant()).terms)
    other = town.desk.purposes.get("competence_mapping")
    at = town.clock.now()
    assert reason_against(terms, State.GRANTED, unit=town.nav, unit_id=town.nav.id, purpose=other, at=at) == (
        "kind_not_admitted"
    )


async def test_the_same_key_twice_at_once_is_one_release(town: Town) -> None:
    """Of two calls with one key in one batch, the second is the first's repeat, and spends no use."""
    consent = await town.grant(town.choice(max_uses=1))
    one, other = await asyncio.gather(*(town.release(consent.id, key="once") for _ in range(2)))
    assert isinstance(one, Released)
    assert isinstance(other, Released)
    assert (one.release_id, one.repeated, other.repeated) == (other.release_id, False, True)


async def test_a_share_moved_to_another_consent_does_not_open(town: Town) -> None:
    """Shares are bound to consent, recipient, purpose and end; moving one is seen, and refused alone."""
    one, two = await town.grant(town.choice("interests")), await town.grant(town.choice("needs"))
    async with town.db.transaction() as tx:
        await tx.run(Statement("DELETE FROM share WHERE consent_id = :id"), id=two.id)
        await tx.run(Statement("UPDATE share SET consent_id = :two WHERE consent_id = :one"), one=one.id, two=two.id)
    moved, unknown = await asyncio.gather(town.release(two.id), town.release("unknown"))
    assert (moved, unknown) == (Refused("tampered"), Refused("unknown"))


async def test_the_end_is_written_by_the_first_writer_to_meet_it(town: Town) -> None:
    """Revoking a consent whose end has come writes that end, not a revoke."""
    consent = await town.grant()
    town.clock.advance(seconds=31 * DAY / 1_000_000)
    assert (await town.revoke(consent.id)).state == "expired"
