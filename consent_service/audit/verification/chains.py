"""The chains: every entry against its link, its columns, its sealed detail, its number and its leaf.

What an entry is held against, strongest first: the *seal* of its detail, which only the log key makes and which is
bound to the entry's hash; the *leaf*, which a signed checkpoint covers; the *links* before and after it.
"""

from collections.abc import Callable
from typing import Any

import orjson

from consent_service.audit import vocabulary
from consent_service.audit.closing import changed_before
from consent_service.audit.heads import FIRST, head_beside, steps_of
from consent_service.audit.log import SealBroken, leaf_hash, open_detail
from consent_service.audit.verification import _store
from consent_service.audit.verification.attacks import ANOTHER_END, HEADLESS, UNSEALED, Findings
from consent_service.audit.verification.steps import Steps
from consent_service.audit.verification.tree import Tree
from consent_service.crypto.service_keys import SealKey
from consent_service.storage.engine import Row, Snapshot

_LAST = "person.erased"


async def follow(
    view: Snapshot, log_key: SealKey, tree: Tree, found: Findings, steps: Steps, *, looked_at: Callable[[int], None]
) -> tuple[int, int]:
    """Walk every chain, telling ``found`` what does not hold; how many chains and entries there are."""
    chain: _Chain | None = None
    chains = entries = 0
    place = ("", -1)
    while page := await _store.entries(view, *place):
        for row in page:
            if chain is None or chain.id != row["chain_id"]:
                if chain is not None:
                    await chain.end(view)
                    await steps.chain_ended()
                chain = _Chain(row, log_key, tree, found, steps)
                chains += 1
            chain.take(row)
        place = (page[-1]["chain_id"], page[-1]["position"])
        entries += len(page)
        looked_at(len(page))
    if chain is not None:
        await chain.end(view)
    await steps.chain_ended(last=True)
    return chains, entries


def _read(body: object) -> dict[str, Any]:
    """What an entry says, or nothing."""
    try:
        said = orjson.loads(body) if isinstance(body, bytes) else None
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _copied(row: Row, said: dict[str, Any]) -> bool:
    """Whether the columns to search by are what the entry says, exactly: 2 is as true as 1, and is not found as 1."""
    state = said.get("state")
    says = said.get("at"), said.get("event"), said.get("consent"), int(state) if isinstance(state, bool) else None
    copies = row["at"], row["event"], row["consent_id"], row["changes_state"]
    return says == copies and [*map(type, says)] == [*map(type, copies)]


class _Chain:
    """One chain, as far as it was walked."""

    def __init__(self, first: Row, log_key: SealKey, tree: Tree, found: Findings, steps: Steps) -> None:
        self.id: str = first["chain_id"]
        self._head, self._log_key, self._tree, self._found, self._steps = first, log_key, tree, found, steps
        self._next, self._previous = 0, FIRST
        self._last: Row = first
        self._last_leaf, self._waits, self._disordered = -1, False, False
        self._last_time = -1
        self._backwards = False
        self._changed: int | None = None  # the first entry that is not what was written
        self._times = 0
        self._consistent = True  # from there on, hashes and links agree: somebody recomputed them
        self._codes: set[str] = set()
        self._suspect: int | None = None  # its detail does not open, its leaf is what it is
        self._kept_out: int | None = None
        self._sound = True  # whether the entry before is what was written
        self._told = False
        self._words: dict[str, int] = {}  # where the last words stand, as the entries say it

    def take(self, row: Row) -> None:
        """Hold the next entry against everything."""
        position = row["position"]
        if position != self._next:
            self._gap(position)
        said = _read(row["body"])
        digest = leaf_hash(row["body"]) if isinstance(row["body"], bytes) else b""
        linked = said.get("previous") == self._previous.hex()
        self._resolve_suspect(linked=linked or position != self._next)
        seal = self._seal(row)
        sound = self._judge(row, said, digest, seal)
        if not linked and position == self._next:
            self._unlinked(row, sound=sound)
        self._order(row, said, seal)
        self._steps.take(said, position)
        vocabulary.note(self._words, said.get("event"), said.get("consent"), state=said.get("state"), position=position)
        self._previous, self._next, self._last, self._sound = digest, position + 1, row, sound

    def _seal(self, row: Row) -> bool | None:
        """Whether the detail is this entry's; None if there is none."""
        try:
            opened = open_detail(self._log_key, self.id, row)
        except (SealBroken, TypeError, ValueError):
            return False
        return None if opened is None else True

    def _judge(self, row: Row, said: dict[str, Any], digest: bytes, seal: bool | None) -> bool:
        """Name what is wrong with the entry by itself; whether it is what was written."""
        if digest != row["digest"]:
            self._change(row, consistent=False)
            return False
        if said.get("chain") != self.id or said.get("position") != row["position"]:
            attack = "A6" if said.get("chain") == self.id else "A8"
            self._tell((attack,), row["position"], "the entry that stands here belongs elsewhere")
            return False
        if not _copied(row, said):
            self._tell(("A1",), row["position"], "its columns are not what it says")
        if seal is None:
            return self._without_detail(row, digest)
        if not seal:
            return self._not_sealed(row, digest)
        if self._head["closed"]:
            self._tell(("A1", "A11"), row["position"], "a detail that was erased is here")
        if row["leaf_index"] is not None and row["leaf"] != digest:
            self._tell(("A13",), row["position"], "its leaf is another entry's hash")
        return True

    def _without_detail(self, row: Row, digest: bytes) -> bool:
        numbered, same = row["leaf_index"] is not None, row["leaf"] == digest
        if self._head["closed"]:
            if numbered and not same:
                self._change(row)
            return same or not numbered
        if same:
            proven = row["leaf_index"] < self._tree.proven
            self._tell(("A1",) if proven else UNSEALED, row["position"], "its sealed detail is not here")
            return True
        if numbered:
            self._change(row)
        else:
            self._tell(UNSEALED, row["position"], "its sealed detail is not here, and it has no number")
        return False

    def _not_sealed(self, row: Row, digest: bytes) -> bool:
        index, same = row["leaf_index"], row["leaf"] == digest
        if same and index is not None and index < self._tree.proven:
            self._suspect = row["position"]
            return True
        self._change(row, as_numbered=same)
        return False

    def _change(self, row: Row, *, consistent: bool = True, as_numbered: bool = False) -> None:
        """Count an entry that is not what was written. The first one says when: before its number, its signature?"""
        self._times += 1
        self._consistent = self._consistent and consistent
        if self._changed is not None:
            return
        self._changed, index = row["position"], row["leaf_index"]
        if self._uncovered(row):
            self._codes.add("A14")
            if index is None or as_numbered:
                self._codes.add("A13")

    def _resolve_suspect(self, *, linked: bool) -> None:
        """Whether the detail was changed, or the entry before it was numbered, is told by the link that follows."""
        if self._suspect is not None:
            attacks = ("A1", "A13") if linked else ("A13",)
            self._tell(attacks, self._suspect, "the sealed detail beside it is not this entry's")
        self._suspect = None

    def _uncovered(self, row: Row) -> bool:
        """Whether no checkpoint covers the entry."""
        return row["leaf_index"] is None or row["leaf_index"] >= self._tree.signed

    def _unlinked(self, row: Row, *, sound: bool) -> None:
        if self._changed is not None:
            self._consistent = False
        elif self._sound and sound:
            attacks = ("A13", "A14") if self._uncovered(row) else ("A13",)
            self._tell(attacks, row["position"], "it does not link to the entry before it")

    def _gap(self, position: int) -> None:
        if self.id not in self._tree.dangling:  # told there, with their numbers
            self._tree.holes -= position - self._next
            self._tell(("A3",), self._next, f"the entries up to position {position} are gone")

    def _order(self, row: Row, said: dict[str, Any], seal: bool | None) -> None:
        """Numbers and times only go up along a chain; every entry has a number or waits for one."""
        index = row["leaf_index"]
        if index is not None and row["pending"] is not None:
            self._tell(("A1",), row["position"], "it has a number, and waits for one")
        if index is None and row["pending"] is None:
            if seal or self._head["closed"]:
                self._kept_out, self._tree.holes = row["position"], self._tree.holes - 1
            else:
                self._disordered = True
        if index is not None:
            self._disordered = self._disordered or index <= self._last_leaf or self._waits
            self._last_leaf = index
        self._waits = self._waits or index is None
        at = said.get("at")
        self._backwards = self._backwards or not isinstance(at, int) or at <= self._last_time
        self._last_time = at if isinstance(at, int) else self._last_time

    async def end(self, view: Snapshot) -> None:
        """Hold what was walked against the chain's head, and name what was done to it as a whole."""
        head = self._head
        if head["length"] is None:
            self._tell(HEADLESS, self._next, "the chain has no head")
            await self._name(view)
            return
        whole = head["length"] == self._next and head["head"] == self._previous
        self._resolve_suspect(linked=whole)
        if head["length"] > self._next:
            await self._cut(view, head["length"])
        elif head["length"] < self._next:
            self._tell(("A1",) if self._sound else ("A7",), head["length"], "the head counts fewer entries")
        elif not whole and self._changed is not None:
            self._consistent = False
        elif not whole and self._sound:
            self._tell(("A1",), self._next - 1, "the head is not its hash")
        elif whole and head["last_at"] != self._last["at"]:
            self._tell(("A1",), self._next - 1, "the head has another time")
        self._look_at_end(head)
        await self._name(view)
        if not self._told and steps_of(self._log_key, head_beside(head)) != self._words:
            self._tell(("A1",), self._next - 1, "the head does not say where consents stand")

    def _look_at_end(self, head: Row) -> None:
        erased = self._last["event"] == _LAST
        closing = head["closing"]
        if bool(head["closed"]) != erased:
            what = "the chain is closed, and nobody was erased" if head["closed"] else "it was erased, and is open"
            attacks = ("A1", "A5", "A14") if self._uncovered(self._last) else ("A1", "A4")
            self._tell(attacks, self._next - 1, what)
        elif erased and self._changed is None:
            sealed = closing if isinstance(closing, bytes) else b""
            changed = changed_before(self._log_key, sealed, self.id, self._next, self._previous)
            if changed is None:
                self._tell(ANOTHER_END, self._next - 1, "the seal at the end is not of these entries")
            for position in changed or ():
                self._tell(("A1", "A13"), position, "when the person was erased, it was not what was written")

    async def _cut(self, view: Snapshot, length: int) -> None:
        """Entries at the end are gone, and the head still counts them."""
        if self.id in self._tree.dangling:
            return
        covered = self._tree.holes > 0 or self._tree.signed > self._tree.size
        self._tree.holes -= length - self._next if covered else 0
        self._tell(("A4",) if covered else ("A5", "A14"), self._next, f"the head counts {length} entries")

    async def _name(self, view: Snapshot) -> None:
        """One name for a chain whose entries are not what was written."""
        if self._changed is None:
            if self._kept_out is not None:
                self._tell(("A13",), self._kept_out, "it has no number and waits for none")
            elif self._disordered:
                self._tell(("A7",), self._next - 1, "the numbers are not in the order of the entries")
            return
        attack = self._attack()
        if attack == "A3":
            self._tree.dangling.pop(self.id)
        codes = self._codes if attack == "A2" and "A13" in self._codes else {attack} | self._codes
        if attack == "A6":
            codes |= {"A2"}  # times that were edited run back, too
        followed = self._next - self._changed == self._times
        if "A14" in codes and not self._head["closed"]:
            codes |= {"A1"}  # before a signature covers the entry, its detail may be what was changed
        ordered = tuple(sorted(codes, key=lambda code: int(code[1:])))
        whole = "every one after it too" if self._consistent and followed else f"{self._times} in all"
        self._tell(ordered, self._changed, f"it is not what was written ({whole})")

    def _attack(self) -> str:
        if self._disordered or self._kept_out is not None:
            return "A7"
        if not self._consistent:
            return "A1"
        if self.id in self._tree.dangling:
            return "A3"
        return "A6" if self._backwards else "A2"

    def _tell(self, attacks: tuple[str, ...], position: int, what: str) -> None:
        self._told = True
        self._found.add(attacks, what, chain=self.id, at=f"position {position}")
