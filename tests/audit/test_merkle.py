"""The Merkle tree against RFC 9162 written a second time: every tree up to 40 leaves, every proof, any change."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.audit.log import leaf_hash
from consent_service.audit.merkle import (
    EMPTY_ROOT,
    Node,
    completed,
    consistency_ranges,
    cover,
    inclusion_ranges,
    proof,
    root,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 40
LEAVES = tuple(leaf_hash(number.to_bytes(2, "big")) for number in range(LARGEST))

# The inputs and roots of Certificate Transparency's own tests (RFC 6962, whose hashing RFC 9162 keeps).
KNOWN_INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
KNOWN_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


@cache
def mth(leaves: tuple[bytes, ...]) -> bytes:
    """RFC 9162, 2.1.1, as it stands there, over leaf hashes."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: tuple[bytes, ...]) -> list[bytes]:
    """RFC 9162, 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: tuple[bytes, ...], *, whole: bool) -> list[bytes]:
    """RFC 9162, 2.1.4.1."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def stored(leaves: Iterable[bytes]) -> dict[Node, bytes]:
    """The nodes that appending all at once completes."""
    nothing: dict[Node, bytes] = {}
    return {(level, index): digest for level, index, digest in completed(0, list(leaves), nothing.__getitem__)}


NODES = stored(LEAVES)


def flipped(value: bytes, position: int) -> bytes:
    changed = bytearray(value)
    changed[position] ^= 1
    return bytes(changed)


def changed_paths(proven: list[bytes]) -> Iterable[list[bytes]]:
    """``proven`` with each of its bytes changed, cut at either end, longer by a hash, and in another order."""
    for number, digest in enumerate(proven):
        for position in range(32):
            yield [*proven[:number], flipped(digest, position), *proven[number + 1 :]]
    if proven:
        yield proven[1:]
        yield proven[:-1]
        yield [*proven, proven[-1]]
        yield [proven[0], *proven]
    if len(proven) > 1:
        yield proven[::-1]
    yield [*proven, bytes(32)]


def test_the_known_roots() -> None:
    """Trees of one to eight leaves, as other implementations hash them."""
    leaves = [leaf_hash(body) for body in KNOWN_INPUTS]
    nodes = stored(leaves)
    assert [root(size, nodes.__getitem__).hex() for size in range(1, 9)] == KNOWN_ROOTS
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(LARGEST + 1))
def test_roots_and_proofs_are_the_rfcs(size: int) -> None:
    """For each tree: its root, every inclusion proof and every consistency proof, hash by hash."""
    tree = LEAVES[:size]
    assert root(size, NODES.__getitem__) == mth(tree)
    for index in range(size):
        assert proof(inclusion_ranges(index, size), NODES.__getitem__) == path(index, tree)
    for first in range(1, size + 1):
        assert proof(consistency_ranges(first, size), NODES.__getitem__) == subproof(first, tree, whole=True)


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_proofs_verify(size: int) -> None:
    """Each of them, against the root that it is about."""
    tree = LEAVES[:size]
    for index in range(size):
        assert verify_inclusion(tree[index], index, size, path(index, tree), mth(tree))
    for first in range(size + 1):
        proven = subproof(first, tree, whole=True) if first else []
        assert verify_consistency(first, size, mth(tree[:first]), mth(tree), proven)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 21, 40])
def test_a_changed_inclusion_proof_does_not_verify(size: int) -> None:
    """A byte of the leaf, of the root or of any hash; another length; another leaf's place."""
    tree = LEAVES[:size]
    expected = mth(tree)
    for index in range(size):
        proven = path(index, tree)
        for position in range(32):
            assert not verify_inclusion(flipped(tree[index], position), index, size, proven, expected)
            assert not verify_inclusion(tree[index], index, size, proven, flipped(expected, position))
        for changed in changed_paths(proven):
            assert not verify_inclusion(tree[index], index, size, changed, expected)
        for other in {*range(size)} - {index} | {-1, size, size + 1}:
            assert not verify_inclusion(tree[index], other, size, proven, expected)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 21, 40])
def test_a_changed_consistency_proof_does_not_verify(size: int) -> None:
    """A byte of either root or of any hash; another length; another size of the older tree."""
    tree = LEAVES[:size]
    new = mth(tree)
    for first in range(1, size):
        old, proven = mth(tree[:first]), subproof(first, tree, whole=True)
        for position in range(32):
            assert not verify_consistency(first, size, flipped(old, position), new, proven)
            assert not verify_consistency(first, size, old, flipped(new, position), proven)
        for changed in changed_paths(proven):
            assert not verify_consistency(first, size, old, new, changed)
        for other in {*range(1, size + 2)} - {first}:
            assert not verify_consistency(other, size, old, new, proven)
        assert not verify_consistency(size, first, new, old, proven)


def test_a_rewritten_history_has_no_consistency_proof() -> None:
    """A tree that differs in one old leaf does not extend the old one by its own honest proof."""
    for changed in range(7):
        forged = (*LEAVES[:changed], leaf_hash(b"forged"), *LEAVES[changed + 1 : 11])
        proven = subproof(7, forged, whole=True)
        assert not verify_consistency(7, 11, mth(LEAVES[:7]), mth(forged), proven)


def test_the_trivial_cases() -> None:
    """Every tree extends the empty one and itself, by an empty proof; nothing is in an empty tree."""
    one, two = mth(LEAVES[:1]), mth(LEAVES[:2])
    assert verify_consistency(0, 2, EMPTY_ROOT, two, [])
    assert verify_consistency(2, 2, two, two, [])
    assert not verify_consistency(2, 2, two, one, [])
    assert not verify_consistency(2, 2, two, two, [one])
    assert not verify_consistency(0, 2, EMPTY_ROOT, two, [one])
    assert not verify_consistency(1, 2, one, two, [])
    assert not verify_consistency(-1, 2, one, two, [LEAVES[1]])
    assert not verify_inclusion(LEAVES[0], 0, 0, [], EMPTY_ROOT)
    assert verify_inclusion(LEAVES[0], 0, 1, [], LEAVES[0])


@given(st.lists(st.integers(1, 9), max_size=12))
def test_batches_complete_the_same_nodes(batches: list[int]) -> None:
    """However a log grew, the same nodes stand, each made once, out of no more than what covers the log before."""
    nodes: dict[Node, bytes] = {}
    size = 0
    for count in batches:
        border = {node: nodes[node] for node in cover(0, size)}
        made = list(completed(size, [leaf_hash(bytes([n])) for n in range(size, size + count)], border.__getitem__))
        assert not {(level, index) for level, index, _ in made} & set(nodes)
        nodes |= {(level, index): digest for level, index, digest in made}
        size += count
    assert nodes == stored(leaf_hash(bytes([n])) for n in range(size))


@given(st.integers(0, 2**40), st.integers(0, 2**12))
def test_a_cover_is_complete_subtrees_in_order(start: int, length: int) -> None:
    """They follow each other without gap or overlap from start to end, and are logarithmically few."""
    end = start + length
    position = start
    for level, index in cover(start, end):
        assert index << level == position
        position = (index + 1) << level
    assert position == end
    assert len(list(cover(start, end))) <= 2 * 13


def test_roots_of_large_trees_need_few_nodes() -> None:
    """A tree of a million leaves is read by some twenty hashes, and its proofs by a few hundred at most."""
    size = 10**6 + 1
    assert len(list(cover(0, size))) <= 20
    for ranges in (inclusion_ranges(size // 3, size), consistency_ranges(size // 3, size)):
        assert len(ranges) <= 21
        assert sum(len(list(cover(start, end))) for start, end in ranges) <= 60
