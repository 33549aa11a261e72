"""What somebody who can write the database may do to the log, by name, and what was found of it.

The names are those of the table that the log was designed against: who writes the rows, the hashes and the tree, but
has neither the log key nor the checkpoint key, nor the copies that others hold.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

ATTACKS: Final = {
    "A1": "a row was edited",
    "A2": "a row was edited, and what follows it recomputed",
    "A3": "a row was deleted from the middle",
    "A4": "rows were cut off the end that a checkpoint covers",
    "A5": "the end was cut off, newest checkpoints with it",
    "A6": "rows were put in another order",
    "A7": "a row was inserted",
    "A8": "rows were swapped between chains",
    "A9": "a whole chain was deleted",
    "A10": "the log was forked: another history was shown elsewhere",
    "A11": "the database was rolled back",
    "A12": "two checkpoints of one size have different roots",
    "A13": "an entry is not what became its leaf",
    "A14": "what no checkpoint covers yet was changed",
}
# Where what is left can't tell attacks apart, each that leaves it is named.
GONE: Final = ("A3", "A4", "A9")
"""Leaves without entries: deleted from a chain's middle, from its end, or all of it."""
OTHER_LEAVES: Final = ("A2", "A3", "A4", "A6", "A7", "A8", "A9")
"""A signed root, and a Merkle tree that was made again from other entries."""
LARGER: Final = ("A5", "A10", "A11")
"""A head kept elsewhere that is larger than the log: cut, rolled back, or that of the longer of two forks."""
OTHER_ROOT: Final = ("A10", "A11", "A12")
"""Two heads of one size, both signed: forked, or rolled back and grown again."""
UNSEALED: Final = ("A1", "A7", "A14")
"""An entry that no signature covers, without a detail: that was deleted, or the service never wrote the entry."""
BEYOND: Final = ("A3", "A5", "A14")
"""A row beside a position after the chain's last: its end is gone, or one before, and the rest has moved up."""
HEADLESS: Final = ("A3", "A9")
"""Entries without a head: it was deleted, alone or as the first of the whole chain."""
ANOTHER_END: Final = ("A1", "A7", "A13", "A14")
"""The seal at the end of a chain is not of its entries: another seal, or others before a signature covered them."""
UNHEARD: Final = ("A5", "A10", "A11", "A14")
"""An entry that a receipt names is not here: cut off, rolled back, changed before it was signed, or of another fork."""
UNSPOKEN_OF: Final = ("A5", "A9", "A10", "A11", "A14")
"""The same where no entry speaks of its consent: nobody can tell whose chain it was in, and whether that is here."""
_MOST = 1_000  # lines; a log with more to say has been replaced


@dataclass(frozen=True)
class Finding:
    """One thing that does not hold: where it was met first, how often, and which attacks leave it behind.

    Of several any may be it: what is here does not tell them apart.
    """

    attacks: tuple[str, ...]
    where: str
    what: str
    times: int = 1

    def __str__(self) -> str:
        """One line, without content: names of attacks, ids and positions."""
        if not self.attacks:
            return f"{self.where}: {self.what}"
        *others, last = self.attacks
        names = f"{', '.join(others)} or {last}" if others else f"{last} {ATTACKS[last]}"
        more = f" (and {self.times - 1} more there)" if self.times > 1 else ""
        return f"{names}: {self.where}{more}: {self.what}"


def legend(findings: Iterable[Finding]) -> list[str]:
    """What the names mean that stand in lines of several, a line each."""
    named = {attack for finding in findings if len(finding.attacks) > 1 for attack in finding.attacks}
    return [f"{attack} means: {meaning}" for attack, meaning in ATTACKS.items() if attack in named]


class Findings:
    """What was found so far: a line for each chain, or row, and kind of attack, so that memory stays bounded."""

    def __init__(self) -> None:
        self._found: dict[tuple[tuple[str, ...], str | None, str], Finding] = {}
        self.left_out = 0

    def add(
        self, attacks: tuple[str, ...], what: str, *, chain: str | None = None, at: str, each: bool = False
    ) -> None:
        """Note that ``what`` was met at ``at`` (in ``chain``); with ``each``, each such place has a line of its own."""
        key = (attacks, at if each else chain, what)
        known = self._found.get(key)
        where = at if chain is None else f"chain {chain}, {at}"
        if known is not None:
            self._found[key] = Finding(attacks, known.where, what, known.times + 1)
        elif len(self._found) < _MOST:
            self._found[key] = Finding(attacks, where, what)
        else:
            self.left_out += 1

    def tells_of(self, chain: str) -> bool:
        """Whether something of ``chain`` was found to be gone."""
        gone = {"A3", "A4", "A5", "A9"}
        return any(known == chain and gone.intersection(attacks) for attacks, known, _ in self._found)

    def __iter__(self) -> Iterator[Finding]:
        """In the order they were met."""
        return iter(self._found.values())
