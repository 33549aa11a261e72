"""The Merkle log: every hash from the leaves up, every number, every checkpoint, ours and those kept elsewhere."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from consent_service.audit import merkle
from consent_service.audit.notes import Note, VerifierKey, read_note
from consent_service.audit.verification import _store
from consent_service.audit.verification.attacks import GONE, LARGER, OTHER_LEAVES, OTHER_ROOT, Findings
from consent_service.storage.engine import Row, Snapshot

_MOST_CHAINS = 1_000


@dataclass
class Dangling:
    """Numbers of a chain whose entries are gone: the first of them, and how many."""

    position: int
    leaf: int
    times: int = 1


@dataclass
class Tree:
    """What the Merkle log proves. Leaves below ``proven`` are those that were signed; ``signed`` were at some time."""

    size: int
    proven: int = 0
    signed: int = 0
    checkpoints: int = 0
    holes: int = 0  # numbers that no entry has
    dangling: dict[str, Dangling] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """A checkpoint from outside, and what to call it."""

    name: str
    note: Note


class _Climb:
    """The tree as it grows leaf by leaf: hashes of the complete subtrees so far, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Take the next leaf; the inner nodes that it completes: (level, index, digest)."""
        made, level, index = [], 0, self.size
        self._peaks.append(leaf)
        while index & 1:
            right = self._peaks.pop()
            self._peaks[-1] = merkle.node_hash(self._peaks[-1], right)
            level, index = level + 1, index >> 1
            made.append((level, index, self._peaks[-1]))
        self.size += 1
        return made

    def root(self) -> bytes:
        """The root of what was taken."""
        if not self._peaks:
            return merkle.EMPTY_ROOT
        result = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            result = merkle.node_hash(peak, result)
        return result


class _Heads:
    """Judges each checkpoint when the tree has its size."""

    def __init__(
        self, view: Snapshot, keys: Sequence[VerifierKey], kept: Iterable[Kept], tree: Tree, found: Findings
    ) -> None:
        self._view, self._keys, self._tree, self._found = view, keys, tree, found
        self._page: list[Row] = []
        self._after, self._done = -1, False
        self._kept = sorted(kept, key=lambda one: one.note.size)
        self._ours: dict[int, bytes] = {}  # roots that we signed, at the sizes of those kept elsewhere

    def wait_for(self, size: int) -> bool:
        """Whether the root of this size is wanted at all: making it costs more than adding a leaf."""
        ours = bool(self._page) and self._page[0]["size"] <= size
        return ours or (bool(self._kept) and self._kept[0].note.size == size)

    async def at(self, size: int, root: bytes) -> None:
        """The tree of ``size`` leaves has this ``root``."""
        while (row := await self._next()) is not None and row["size"] <= size:
            self._page.pop(0)
            self._judge(row, root)
        while self._kept and self._kept[0].note.size == size:
            self._compare(self._kept.pop(0), root)

    async def _next(self) -> Row | None:
        if not self._page and not self._done:
            self._page = await _store.checkpoints(self._view, self._after)
            self._done = not self._page
            self._after = self._page[-1]["size"] if self._page else self._after
        return self._page[0] if self._page else None

    def _signed(self, row: Row) -> bool:
        """Whether a checkpoint of ours is one: signed by the log's key, and its columns what the note says."""
        note = read_note(str(row["note"]))
        at = f"checkpoint of {row['size']} leaves"
        if note is None or (note.size, note.root) != (row["size"], row["root"]):
            self._found.add(("A1",), "its columns are not what its note says", at=at)
        elif not note.signed_by(self._keys):
            self._found.add(("A1",), "it is not signed by the log's key", at=at)
        else:
            self._tree.signed = max(self._tree.signed, note.size)
            if any(one.note.size == note.size for one in self._kept):
                self._ours[note.size] = note.root
            return True
        return False

    def _judge(self, row: Row, root: bytes) -> None:
        self._tree.checkpoints += 1
        if not self._signed(row):
            return
        if row["root"] == root:
            self._tree.proven = row["size"]
        else:
            what = f"the leaves that are here are not those that were signed after {self._tree.proven}"
            self._found.add(OTHER_LEAVES, what, at=f"checkpoint of {row['size']} leaves")

    def _compare(self, kept: Kept, root: bytes) -> None:
        size = kept.note.size
        if size in self._ours and self._ours[size] != kept.note.root:
            self._found.add(
                OTHER_ROOT, f"our own checkpoint of {size} leaves has another root, and both are signed", at=kept.name
            )
        elif kept.note.root != root:
            what = f"it is signed over other first {size} leaves than are here"
            self._found.add(("A10", "A11"), what, at=kept.name)

    async def beyond(self, size: int) -> None:
        """Judge what is larger than the log."""
        while (row := await self._next()) is not None:
            self._page.pop(0)
            self._tree.checkpoints += 1
            if self._signed(row):
                at = f"checkpoint of {row['size']} leaves"
                self._found.add(GONE, f"there are {size} leaves", at=at)
        for kept in self._kept:
            self._found.add(LARGER, f"it has {kept.note.size} leaves, and the log has {size}", at=kept.name)


def trusted(kept: Iterable[Kept], keys: Sequence[VerifierKey], found: Findings) -> list[Kept]:
    """Those of ``kept`` that the log's key signed; two of one size with different roots are evidence by themselves."""
    good: list[Kept] = []
    for one in kept:
        if not one.note.signed_by(keys):
            found.add((), "it is not signed by this log's key, and proves nothing", at=one.name)
            continue
        for other in good:
            if other.note.size == one.note.size and other.note.root != one.note.root:
                what = f"{other.name} has {one.note.size} leaves too, and another root; both are signed"
                found.add(OTHER_ROOT, what, at=one.name)
        good.append(one)
    return good


async def climb(
    view: Snapshot,
    keys: Sequence[VerifierKey],
    kept: Iterable[Kept],
    found: Findings,
    *,
    looked_at: Callable[[int], None],
) -> Tree:
    """Recompute the Merkle log from its leaves' hashes, and hold every checkpoint against it."""
    totals = await _store.totals(view)
    tree = Tree(size=max(totals["leaves"], totals["hashes"]))
    heads = _Heads(view, keys, trusted(kept, keys, found), tree, found)
    growing = _Climb()
    await heads.at(0, growing.root())
    for first in range(0, tree.size, _store.PAGE):
        end = min(first + _store.PAGE, tree.size)
        await _look_at_numbers(view, first, end, tree)
        await _grow(view, growing, first, end, heads, found)
        looked_at(end - first)
    await heads.beyond(tree.size)
    expected = sum(tree.size >> level for level in range(tree.size.bit_length()))
    if totals["nodes"] > expected:
        found.add(("A7",), f"there are {totals['nodes'] - expected} hashes too many", at="the Merkle tree")
    return tree


async def _look_at_numbers(view: Snapshot, first: int, end: int, tree: Tree) -> None:
    numbered = await _store.leaves(view, first, end)
    tree.holes += end - first - len(numbered)
    for row in numbered:
        if row["found"] is not None:
            continue
        known = tree.dangling.get(row["chain_id"])
        if known is not None:
            known.position, known.times = min(known.position, row["position"]), known.times + 1
        elif len(tree.dangling) < _MOST_CHAINS:
            tree.dangling[row["chain_id"]] = Dangling(row["position"], row["leaf_index"])


async def _grow(view: Snapshot, growing: _Climb, first: int, end: int, heads: _Heads, found: Findings) -> None:
    """Add the leaves [first, end), comparing each inner node they complete with the stored one."""
    stored = {level: await _store.nodes(view, level, first >> level, end >> level) for level in range(end.bit_length())}
    for index in range(first, end):
        leaf = stored[0].get(index)
        if not isinstance(leaf, bytes):
            found.add(("A3",), "the hash of a leaf is gone", at=f"leaf {index}")
            leaf = bytes(32)
        for level, at, digest in growing.add(leaf):
            if stored[level].get(at) != digest:
                found.add(
                    ("A1",), "a hash of the Merkle tree is not that of its leaves", at=f"level {level}, node {at}"
                )
        if heads.wait_for(growing.size):
            await heads.at(growing.size, growing.root())
