"""The Merkle tree of RFC 9162, section 2.1, over hashes of complete subtrees.

A tree of ``size`` leaves is covered by complete subtrees, one for each bit that is set in ``size``, largest first.
Their hashes never change once made, so they are stored, and a root or proof of any size needs only a logarithmic
number of them. A node is (level, index): the subtree over leaves ``index << level`` up to ``(index + 1) << level``.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256

Node = tuple[int, int]
Lookup = Callable[[Node], bytes]

EMPTY_ROOT = sha256(b"").digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162, 2.1.1: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def cover(start: int, end: int) -> Iterator[Node]:
    """The complete subtrees that together are the leaves [start, end), in order; ``start`` is aligned to its size."""
    while start < end:
        level = (end - start).bit_length() - 1
        while start & ((1 << level) - 1):
            level -= 1
        yield level, start >> level
        start += 1 << level


def root(size: int, lookup: Lookup) -> bytes:
    """The root hash of the first ``size`` leaves."""
    return _subtree(0, size, lookup) if size else EMPTY_ROOT


def _subtree(start: int, end: int, lookup: Lookup) -> bytes:
    """MTH(D[start:end]) where the range is one that the RFC's recursion meets."""
    digests = [lookup(node) for node in cover(start, end)]
    result = digests.pop()
    while digests:
        result = node_hash(digests.pop(), result)
    return result


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaf ranges whose hashes prove that leaf ``index`` is in a tree of ``size`` (2.1.3.1), nearest first."""
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_ranges(first: int, second: int) -> list[tuple[int, int]]:
    """The leaf ranges whose hashes prove that the tree of ``first`` is a prefix of that of ``second`` (2.1.4.1)."""
    start, end, path = 0, second, []
    whole = True  # the old tree is a complete subtree of the new one so far
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, whole = middle, False
    if not whole:
        path.append((start, end))
    return path[::-1]


def proof(ranges: list[tuple[int, int]], lookup: Lookup) -> list[bytes]:
    """The hashes of ``ranges``."""
    return [_subtree(start, end, lookup) for start, end in ranges]


def completed(first: int, leaves: list[bytes], lookup: Lookup) -> Iterator[tuple[int, int, bytes]]:
    """The nodes that appending ``leaves`` at index ``first`` completes: (level, index, digest)."""
    made: dict[Node, bytes] = {}

    def find(node: Node) -> bytes:
        return made[node] if node in made else lookup(node)

    for offset, leaf in enumerate(leaves):
        level, index, digest = 0, first + offset, leaf
        made[level, index] = digest
        yield level, index, digest
        while index & 1:
            digest = node_hash(find((level, index - 1)), digest)
            level, index = level + 1, index >> 1
            made[level, index] = digest
            yield level, index, digest


def verify_inclusion(digest: bytes, index: int, size: int, path: list[bytes], expected: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    fn, sn, result = index, size - 1, digest
    for sibling in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            result = node_hash(sibling, result)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and result == expected


def verify_consistency(first: int, second: int, old: bytes, new: bytes, path: list[bytes]) -> bool:
    """RFC 9162, 2.1.4.2, with the trivial cases: every tree extends the empty one and itself."""
    if first == second:
        return old == new and not path
    if first == 0:
        return not path
    if not 0 < first < second or not path:
        return False
    if first & (first - 1) == 0:
        path = [old, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for sibling in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(sibling, fr), node_hash(sibling, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, sibling)
        fn, sn = fn >> 1, sn >> 1
    return fr == old and sr == new and sn == 0
