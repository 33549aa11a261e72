"""What should happen, told a second time: a few plain dicts that know nothing of the service's code.

The sentence that they keep is "nothing crosses without a consent in force". Time is in microseconds; what a person
shared is kept as the words that she saw.
"""

from __future__ import annotations

import itertools
from typing import Any

REPEATS_FOR = 15 * 60 * 1_000_000
DAY = 24 * 60 * 60 * 1_000_000
LONGEST = {"nav": 365, "vocational_training": 180}

_ALIVE = ("granted", "paused")


class Model:
    """The world as it should be. Verbs that people may be refused answer whether they were let."""

    def __init__(self, clock: int, units: dict[str, str]) -> None:
        self.clock = clock
        self.units = {unit: {"kind": kind, "enabled": True} for unit, kind in units.items()}
        self.people: dict[str, dict[str, Any]] = {}  # by candidate id
        self.ids: dict[str, str] = {}  # number -> candidate id
        self.notes: dict[str, dict[str, Any]] = {}
        self.consents: dict[str, dict[str, Any]] = {}
        self.crossed: dict[str, int] = {}

    # --- time ---------------------------------------------------------------------------------------

    def now(self, owner: str) -> int:
        """The later of the clock and what was last written about her."""
        return max(self.clock, int(self.people[owner]["written"]) + 1)

    def _write(self, owner: str | None) -> None:
        if owner is not None:
            self.people[owner]["written"] = self.now(owner)

    # --- people and notes ---------------------------------------------------------------------------

    def comes(self, number: str, candidate_id: str, name: str) -> None:
        """She is here, and hears what waits for her number."""
        if self.ids.get(number) != candidate_id:
            self.ids[number] = candidate_id
            self.people[candidate_id] = {"number": number, "name": name, "written": self.clock, "refuses": set()}
        for consent in self.consents.values():
            waits = consent["owner"] is None and consent["number"] == number and consent["lies"]
            if waits and self.clock < consent["reply_by"]:
                consent["lies"] = False
                if consent["state"] == "requested":
                    consent["owner"] = candidate_id
                    consent["state"] = "refused" if self._refuses(candidate_id, consent["unit"]) else "requested"
                    self._write(candidate_id)

    def renames(self, owner: str, name: str) -> None:
        """From now on she is called so."""
        if self.people[owner]["name"] != name:
            self._write(owner)
        self.people[owner]["name"] = name

    def writes(self, owner: str, note: str, sections: dict[str, str]) -> None:
        """A new note, or its next version."""
        self.notes.setdefault(note, {"owner": owner, "versions": []})["versions"].append(sections)
        self._write(owner)

    def deletes(self, note: str) -> None:
        """The note goes, and every consent on it ends."""
        owner = self.notes.pop(note)["owner"]
        for consent in self.consents.values():
            if consent["owner"] == owner and consent["state"] in _ALIVE and consent["note"] == note:
                self._end(consent, "revoked")
        self._write(owner)

    def erases(self, owner: str) -> None:
        """All of hers goes."""
        number = self.people.pop(owner)["number"]
        del self.ids[number]
        self.notes = {note: kept for note, kept in self.notes.items() if kept["owner"] != owner}
        for consent in self.consents.values():
            if consent["owner"] == owner:
                consent["state"] = "revoked" if consent["state"] in _ALIVE else consent["state"]
                consent["state"] = "refused" if consent["state"] == "requested" else consent["state"]
            elif consent["number"] == number and consent["owner"] is None:
                consent["lies"] = False

    def stands(self, owner: str, against: str, *, placed: bool) -> None:
        """She refuses a unit, or a kind of units, once and for all; or lifts that."""
        refuses: set[str] = self.people[owner]["refuses"]
        if placed != (against in refuses):
            (refuses.add if placed else refuses.discard)(against)
            self._write(owner)

    def _refuses(self, owner: str, unit: str) -> bool:
        return bool({unit, self.units[unit]["kind"]} & self.people[owner]["refuses"])

    # --- asking and answering -----------------------------------------------------------------------

    def may_ask(self, unit: str) -> bool:
        """Whether a unit can ask at all."""
        return bool(self.units[unit]["enabled"])

    def asks(self, consent: str, number: str, unit: str, sections: set[str], reply_by: int) -> None:
        """A unit asks; it waits for whoever has the number."""
        self.consents[consent] = {
            "owner": None, "number": number, "unit": unit, "state": "requested", "asked": sections, "lies": True,
            "reply_by": reply_by, "until": None, "max_uses": None, "keys": set(), "spent_at": None, "note": None,
            "shown": None, "withdrawn": False,
        }  # fmt: skip

    def may_grant(
        self, owner: str, unit: str, note: str, version: int, sections: set[str], until: int, consent: str | None
    ) -> bool:
        """Whether her yes counts."""
        kept, now, kind = self.notes.get(note), self.now(owner), self.units[unit]["kind"]
        if kept is None or kept["owner"] != owner or not sections <= set(kept["versions"][version - 1]):
            return False
        if not self.units[unit]["enabled"] or self._refuses(owner, unit):
            return False
        if consent is not None:
            asked = self.consents[consent]
            if asked["owner"] != owner or asked["state"] != "requested" or now >= asked["reply_by"]:
                return False
            if asked["unit"] != unit or not sections <= asked["asked"]:
                return False
        return now < until <= now + (LONGEST[str(kind)] + 1) * DAY

    def grants(
        self, owner: str, unit: str, note: str, version: int, sections: set[str], until: int, uses: int | None, new: str
    ) -> None:
        """Her yes, to exactly these words."""
        if new not in self.consents:
            self.asks(new, self.people[owner]["number"], unit, set(), 0)
        words = self.notes[note]["versions"][version - 1]
        shown = {
            "name": self.people[owner]["name"],
            "national_id": self.people[owner]["number"],
            "parts": {(note, version, section): words[section] for section in sections},
        }
        self.consents[new].update(
            owner=owner, state="granted", until=until, max_uses=uses, note=note, shown=shown, lies=False
        )
        self._write(owner)

    def refuses(self, owner: str, consent: str) -> bool:
        """Her no."""
        one = self.consents[consent]
        if one["owner"] != owner or one["state"] != "requested" or self.now(owner) >= one["reply_by"]:
            return False
        one["state"] = "refused"
        self._write(owner)
        return True

    def cancels(self, unit: str, consent: str) -> bool:
        """The asker takes it back: let, unless it was granted."""
        one = self.consents[consent]
        if one["unit"] != unit or one["until"] is not None or one["reply_by"] == 0:
            return False
        if not one["withdrawn"] and self.clock < one["reply_by"]:
            one.update(withdrawn=True, lies=False, state="cancelled" if one["state"] == "requested" else one["state"])
            self._write(one["owner"] if one["owner"] in self.people else None)
        return True

    # --- ends ---------------------------------------------------------------------------------------

    def _end(self, consent: dict[str, Any], state: str) -> None:
        over = consent["until"] <= self.now(consent["owner"])
        consent["state"] = "expired" if over else state
        self._write(consent["owner"])

    def revokes(self, owner: str, consent: str) -> bool:
        """She takes it back."""
        one = self.consents[consent]
        if one["owner"] != owner or one["state"] not in _ALIVE:
            return False
        self._end(one, "revoked")
        return True

    def pauses(self, owner: str, consent: str) -> bool:
        """She lets nothing out for a time."""
        return self._turns(owner, consent, "granted", "paused")

    def resumes(self, owner: str, consent: str) -> bool:
        """And lets it out again."""
        return self._turns(owner, consent, "paused", "granted")

    def _turns(self, owner: str, consent: str, before: str, after: str) -> bool:
        one = self.consents[consent]
        if one["owner"] != owner or one["state"] != before or self.now(owner) >= one["until"]:
            return False
        one["state"] = after
        self._write(owner)
        return True

    def sweeps(self) -> None:
        """What is over by the clock is written down."""
        for one in self.consents.values():
            here = one["owner"] in self.people
            spent = one["spent_at"] is not None and one["spent_at"] <= self.clock - REPEATS_FOR
            if here and one["state"] in _ALIVE and (one["until"] <= self.clock or spent):
                self._end(one, "used_up")
            elif one["state"] == "requested" and one["reply_by"] <= self.clock:
                one["state"] = "lapsed"
                self._write(one["owner"] if here else None)

    # --- the sentence -------------------------------------------------------------------------------

    def in_force(self, consent: str, unit: str, key: str) -> bool:
        """Whether anything may cross to ``unit`` now, on the call with this key."""
        one = self.consents.get(consent)
        if one is None or one["owner"] not in self.people:
            return False
        return bool(
            one["state"] == "granted"
            and one["unit"] == unit
            and self.units[unit]["enabled"]
            and not self._refuses(one["owner"], unit)
            and self.now(one["owner"]) < one["until"]
            and (one["max_uses"] is None or (unit, key) in one["keys"] or len(one["keys"]) < one["max_uses"])
        )

    def releases(self, consent: str, unit: str, key: str) -> dict[str, Any] | None:
        """What crosses, if anything does; the attempt is written down in either case."""
        one, crosses = self.consents.get(consent), self.in_force(consent, unit, key)
        if one is None:
            return None
        if crosses:
            one["keys"].add((unit, key))
            if len(one["keys"]) == one["max_uses"] and one["spent_at"] is None:
                one["spent_at"] = self.clock
            self.crossed[consent] = self.crossed.get(consent, 0) + 1
        self._write(one["owner"] if one["owner"] in self.people else None)
        return one["shown"] if crosses else None

    def open_to(self) -> set[tuple[str, str]]:
        """Who holds shares under what: the recipients of what is granted and not yet written down as over."""
        living = ((name, one) for name, one in self.consents.items() if one["owner"] in self.people)
        return {(name, one["unit"]) for name, one in living if one["state"] == "granted"}

    def pairs(self) -> list[tuple[str, str]]:
        """Every consent with every unit."""
        return list(itertools.product(self.consents, self.units))
