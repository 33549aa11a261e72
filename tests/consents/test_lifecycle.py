"""The whole lifecycle, in any order: nothing crosses without a consent in force.

Hypothesis acts for people, units, the clock and the operator; after each step the service and an independent model
(``lifecycle_model``) must say the same. ``LIFECYCLE_EXAMPLES`` makes it longer (``make soak``).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from consent_service.clock import DAY, HOUR, MINUTE, SECOND
from tests.consents.lifecycle_model import Model
from tests.consents.lifecycle_world import World, refs_of
from tests.provision.memory import folder_in_memory

T = TypeVar("T")

EXAMPLES = int(os.environ.get("LIFECYCLE_EXAMPLES", "50"))
STEPS = 40

NUMBERS = ("21879498012", "23886799519", "25922947409")
SECTIONS = ("interests", "strengths", "motivation")
ENDS = {"revoked", "expired", "used_up"}

ANY = 7  # every section that there is, as bits

some = st.integers(0, 11)  # one of what there is, counted round
chosen = st.sets(st.sampled_from(SECTIONS), min_size=1)
which = st.integers(1, 8)
seldom = st.integers(0, 5).map(lambda number: number == 5)
words = st.sampled_from(["Fjell", "Motorer", "Bøker"])


class Lifecycle(RuleBasedStateMachine):
    """Everybody's acts. Each verb is done to the service and to the model, and the answers are compared."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="lifecycle-", dir=folder_in_memory())
        self.loop = asyncio.Runner()
        path = Path(shutil.copy(self.template, Path(self.folder.name) / "consent.sqlite"))
        self.world = World(f"sqlite:///{path}")
        self.run(self.world.begin())
        units = {unit.id: str(unit.kind) for unit in self.world.units.values()}
        self.model = Model(self.world.clock.now(), units)
        self.calls = 0
        for pick in range(2):
            self.comes(pick)
            self.says_yes(None, pick, self.unit(pick), ANY, 30, None)
            self.says_yes(None, pick, self.unit(2 - pick), ANY, 3, 2)
            self.asks(NUMBERS[pick], 0, set(SECTIONS), 25, here=True)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    def key(self) -> str:
        """An idempotency key that nobody has used."""
        self.calls += 1
        return f"call-{self.calls}"

    def consent(self, pick: int, *states: str) -> str:
        """Mostly one of somebody's that stands in one of these states; now and then just any."""
        consents, people = self.model.consents, self.model.people
        fit = [name for name, one in consents.items() if one["state"] in states and one["owner"] in people]
        among = fit if fit and pick % 12 != 11 else list(consents)
        return among[-1 - pick % len(among)]

    def person(self, pick: int) -> str:
        return list(self.model.people)[pick % len(self.model.people)]

    def unit(self, pick: int) -> str:
        return list(self.model.units)[pick % len(self.model.units)]

    def owner_of(self, consent: str, pick: int) -> str:
        """Mostly whose it is; now and then somebody else tries."""
        owner = self.model.consents[consent]["owner"]
        return owner if owner in self.model.people and pick else self.person(pick)

    # --- people -------------------------------------------------------------------------------------

    @rule(pick=some)
    def comes(self, pick: int) -> None:
        number = NUMBERS[pick % len(NUMBERS)]
        name = f"Person Nummer{'ABC'[pick % 3]}"
        candidate_id = self.run(self.world.come(number, name))
        assert self.model.ids.get(number, candidate_id) == candidate_id
        fresh = number not in self.model.ids
        self.model.comes(number, candidate_id, name)
        if fresh:
            self.writes(list(self.model.people).index(candidate_id), new=True, sections=set(SECTIONS), text="Fjell")

    def somebody(self) -> bool:
        return bool(self.model.people)

    @precondition(somebody)
    @rule(pick=some, name=st.sampled_from(["Kari Ny", "Ola Ny"]))
    def renames(self, pick: int, name: str) -> None:
        owner = self.person(pick)
        self.run(self.world.rename(owner, name))
        self.model.renames(owner, name)

    @precondition(somebody)
    @rule(pick=some, new=st.booleans(), sections=chosen, text=words)
    def writes(self, pick: int, new: bool, sections: set[str], text: str) -> None:
        owner = self.person(pick)
        notes = [note for note, kept in self.model.notes.items() if kept["owner"] == owner]
        note = None if new or not notes else notes[pick % len(notes)]
        version = 0 if note is None else len(self.model.notes[note]["versions"])
        said = {section: f"{text} {section} {version}" for section in sorted(sections)}
        self.model.writes(owner, self.run(self.world.write(owner, note, version, said)), said)

    @precondition(lambda self: bool(self.model.notes))
    @rule(pick=some)
    def deletes(self, pick: int) -> None:
        note = list(self.model.notes)[pick % len(self.model.notes)]
        self.run(self.world.delete(self.model.notes[note]["owner"], note))
        self.model.deletes(note)

    @precondition(lambda self: len(self.model.people) > 1 and self.calls > 3)
    @rule(pick=some)
    def erases(self, pick: int) -> None:
        owner = self.person(pick)
        self.run(self.world.erase(owner))
        self.model.erases(owner)

    @precondition(somebody)
    @rule(pick=some, unit=some, kind=st.booleans(), placed=seldom)
    def stands(self, pick: int, unit: int, kind: bool, placed: bool) -> None:
        owner, against = self.person(pick), self.unit(unit)
        against = str(self.model.units[against]["kind"]) if kind else against
        self.run(self.world.refuse_standing(owner, against, placed=placed))
        self.model.stands(owner, against, placed=placed)

    # --- consents -----------------------------------------------------------------------------------

    @precondition(lambda self: bool(self.model.notes))
    @rule(pick=some, unit=some, sections=which, days=st.integers(0, 40), uses=st.sampled_from([None, None, 1, 2]))
    def grants(self, pick: int, unit: int, sections: int, days: int, uses: int | None) -> None:
        self.says_yes(None, pick, self.unit(unit), sections, days, uses)

    @precondition(lambda self: any(one["state"] == "requested" for one in self.model.consents.values()))
    @precondition(lambda self: bool(self.model.notes))
    @rule(consent=some, pick=some, sections=which, days=st.integers(0, 40), uses=st.sampled_from([None, 1]))
    def answers(self, consent: int, pick: int, sections: int, days: int, uses: int | None) -> None:
        asked = self.consent(consent, "requested")
        self.says_yes(asked, pick, self.model.consents[asked]["unit"], sections, days, uses)

    def says_yes(self, asked: str | None, pick: int, unit: str, bits: int, days: int, uses: int | None) -> None:
        """To some sections of a version of hers, or to one too many; to what was asked, or to more."""
        owner = self.model.consents[asked]["owner"] if asked is not None else None
        notes = [note for note, kept in self.model.notes.items() if owner in {None, kept["owner"]}]
        note = (notes or list(self.model.notes))[pick % len(notes or self.model.notes)]
        owner, versions = self.model.notes[note]["owner"], self.model.notes[note]["versions"]
        version = 1 + pick % len(versions)
        there = set(SECTIONS) & set(versions[version - 1])
        sections = {section for bit, section in enumerate(sorted(there)) if bits >> bit & 1} or set(SECTIONS)
        until = self.world.until(days)
        let = self.model.may_grant(owner, unit, note, version, sections, until, asked)
        refs = refs_of(owner, note, version, sections)
        granted = self.run(self.world.grant(owner, unit, refs, until, uses, asked))
        assert (granted is not None) == let
        if granted is not None:
            self.model.grants(owner, unit, note, version, sections, until, uses, granted)
            key = self.key()
            assert self.run(self.world.release(granted, unit, key)) == self.model.releases(granted, unit, key)

    @rule(number=st.sampled_from(NUMBERS), unit=some, sections=chosen, days=st.integers(1, 25), here=st.booleans())
    def asks(self, number: str, unit: int, sections: set[str], days: int, here: bool = False) -> None:
        asker, reply_by = self.unit(unit), self.world.clock.now() + days * DAY
        asked = self.run(self.world.ask(number, asker, sorted(sections), reply_by))
        assert (asked is not None) == self.model.may_ask(asker)
        if asked is not None:
            self.model.asks(asked, number, asker, sections, reply_by)
        if here:
            self.comes(NUMBERS.index(number))

    def something(self) -> bool:
        return bool(self.model.consents and self.model.people)

    @precondition(something)
    @rule(pick=some, by=some, verb=st.sampled_from(["revoke", "refuse", "pause", "resume"]))
    def ends(self, pick: int, by: int, verb: str) -> None:
        fits = {"revoke": ["granted", "paused"], "refuse": ["requested"], "pause": ["granted"], "resume": ["paused"]}
        consent = self.consent(pick, *fits[verb])
        owner = self.owner_of(consent, by)
        told = {
            "revoke": self.model.revokes,
            "refuse": self.model.refuses,
            "pause": self.model.pauses,
            "resume": self.model.resumes,
        }[verb](owner, consent)
        assert self.run(self.world.end(verb, owner, consent)) == told

    @precondition(lambda self: bool(self.model.consents))
    @rule(pick=some, unit=some)
    def cancels(self, pick: int, unit: int) -> None:
        consent = self.consent(pick, "requested", "refused")
        by = self.model.consents[consent]["unit"] if unit else self.unit(unit)
        assert self.run(self.world.cancel(by, consent)) == self.model.cancels(by, consent)

    # --- what crosses -------------------------------------------------------------------------------

    @precondition(lambda self: bool(self.model.consents))
    @rule(pick=some, unit=some, again=st.booleans())
    def releases(self, pick: int, unit: int, again: bool) -> None:
        consent = self.consent(pick, "granted", "paused", "revoked")
        known = self.model.consents[consent]
        asker = known["unit"] if unit else self.unit(pick)
        used = sorted(key for by, key in known["keys"] if by == asker)
        key = used[0] if again and used else self.key()
        told = self.model.releases(consent, asker, key)
        assert self.run(self.world.release(consent, asker, key)) == told

    @precondition(lambda self: bool(self.model.consents))
    @rule()
    def everybody_asks_at_once(self) -> None:
        asks = [(consent, unit, self.key()) for consent, unit in self.model.pairs()]

        async def all_of_them() -> list[Any]:
            return list(await asyncio.gather(*(self.world.release(*ask) for ask in asks)))

        assert self.run(all_of_them()) == [self.model.releases(*ask) for ask in asks]

    @precondition(something)
    @rule(pick=some, first=st.booleans())
    def asks_while_she_revokes(self, pick: int, first: bool) -> None:
        consent = self.consent(pick, "granted")
        known = self.model.consents[consent]
        owner, unit, key = self.owner_of(consent, 1), known["unit"], self.key()

        async def both() -> tuple[Any, bool]:
            asks, revokes = self.world.release(consent, unit, key), self.world.end("revoke", owner, consent)
            if first:
                crossed, revoked = await asyncio.gather(asks, revokes)
            else:
                revoked, crossed = await asyncio.gather(revokes, asks)
            return crossed, revoked

        crossed, revoked = self.run(both())
        could = self.model.in_force(consent, unit, key)
        if crossed is not None:
            assert could
            assert crossed == self.model.releases(consent, unit, key)
        assert self.model.revokes(owner, consent) == revoked
        if crossed is None:
            assert self.model.releases(consent, unit, key) is None
        assert self.run(self.world.release(consent, unit, self.key())) is None
        self.model.releases(consent, unit, "none")

    # --- the world ----------------------------------------------------------------------------------

    @rule(by=st.sampled_from([SECOND, HOUR, DAY, 3 * DAY, 20 * DAY, -HOUR, -2 * DAY, -30 * DAY]))
    def the_clock_moves(self, by: int) -> None:
        self.world.clock.advance(seconds=by / SECOND)
        self.model.clock = self.world.clock.now()

    @precondition(lambda self: any(one["until"] for one in self.model.consents.values()))
    @rule(pick=some, early=st.booleans())
    def an_end_comes(self, pick: int, early: bool) -> None:
        ends = [one["until"] for one in self.model.consents.values() if one["until"]]
        end = ends[-1 - pick % len(ends)] - (SECOND if early else 0)
        self.the_clock_moves(end - self.world.clock.now())

    @rule()
    def a_worker_comes_a_quarter_later(self) -> None:
        self.the_clock_moves(16 * MINUTE)
        self.sweeps()

    @rule()
    def sweeps(self) -> None:
        self.run(self.world.sweep())
        self.model.sweeps()

    @rule(pick=some, disabled=seldom)
    def a_unit_is_switched(self, pick: int, disabled: bool) -> None:
        unit, enabled = self.unit(pick), not disabled
        self.run(self.world.enable(unit, enabled=enabled))
        self.model.units[unit]["enabled"] = enabled

    @rule()
    def restarts(self) -> None:
        self.run(self.world.restart())

    # --- what holds at all times --------------------------------------------------------------------

    @invariant()
    def shares_are_held_under_what_is_granted_alone(self) -> None:
        assert self.run(self.world.shares()) == self.model.open_to()

    @invariant()
    def keys_are_of_those_who_are_here(self) -> None:
        assert self.run(self.world.owners()) == set(self.model.people)

    def teardown(self) -> None:
        try:
            if self.model.consents:
                self.everybody_asks_at_once()
            self.each_has_its_receipts()
            self.the_log_says_what_crossed()
        finally:
            self.run(self.world.db.close())
            self.loop.close()
            self.folder.cleanup()

    def each_has_its_receipts(self) -> None:
        receipts = self.run(self.world.receipts())
        assert len(receipts) == len(set(receipts))
        given = {consent for consent, kind in receipts if kind == "given"}
        ended = {consent for consent, kind in receipts if kind == "termination"}
        consents = self.model.consents.items()
        assert given == {name for name, one in consents if one["until"] is not None}
        assert ended == {name for name, one in consents if one["state"] in ENDS}

    def the_log_says_what_crossed(self) -> None:
        owners = {one["owner"] for one in self.model.consents.values() if one["owner"] is not None}
        crossed: dict[str, int] = {}
        for owner in owners:
            open_to: set[str] = set()
            for entry in self.run(self.world.log(owner)):
                consent, what = entry["consent"], entry["event"].partition(".")[2]
                if entry["event"] in {"consent.granted", "consent.resumed"}:
                    open_to.add(consent)
                elif what in ENDS | {"paused"}:
                    open_to.discard(consent)
                elif entry["event"] in {"release.released", "release.repeated"}:
                    assert consent in open_to
                    crossed[consent] = crossed.get(consent, 0) + 1
        assert crossed == self.model.crossed


def test_nothing_crosses_without_a_consent_in_force(migrated_sqlite: Path) -> None:
    """Whatever people, units, clocks and operators do, the service lets across what the model lets, and no more."""
    Lifecycle.template = migrated_sqlite
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
