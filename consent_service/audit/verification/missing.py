"""What is left of entries that are gone: numbers, places in the queue, details, heads."""

from consent_service.audit.verification import _store
from consent_service.audit.verification.attacks import BEYOND, GONE, Findings
from consent_service.audit.verification.tree import Tree
from consent_service.storage.engine import Snapshot

_KINDS = {"pending_leaf": "it waits for a number", "entry_detail": "its sealed detail is here"}


async def look_for_missing(view: Snapshot, tree: Tree, found: Findings) -> None:
    """Name the entries that something else still speaks of."""
    for chain_id, dangling in tree.dangling.items():
        attack = "A4" if dangling.leaf < tree.signed else "A5"
        what = f"{dangling.times} numbered entries are gone"
        await _tell(view, found, chain_id, dangling.position, what, at_end=(attack,))
    for table, what in _KINDS.items():
        place = ("", -1)
        while page := await _store.beside(view, table, *place):
            for row in page:
                if row["found"] is None and not found.tells_of(row["chain_id"]):
                    await _tell(view, found, row["chain_id"], row["position"], what, at_end=BEYOND)
            place = (page[-1]["chain_id"], page[-1]["position"])
    after = ""
    while heads := await _store.empty_chains(view, after):
        for head in heads:
            if not found.tells_of(head["chain_id"]):
                found.add(("A9",), f"the head counts {head['length']} entries", chain=head["chain_id"], at="position 0")
        after = heads[-1]["chain_id"]
    if tree.holes > 0:
        found.add(GONE, f"{tree.holes} leaves are nobody's: their entries and numbers are gone", at="the Merkle log")


async def _tell(
    view: Snapshot, found: Findings, chain_id: str, position: int, what: str, *, at_end: tuple[str, ...]
) -> None:
    """Gone from the middle, from the end, or with its whole chain."""
    last = await _store.last_position(view, chain_id)
    attacks = ("A9",) if last is None else ("A3",) if last > position else at_end
    found.add(attacks, what, chain=chain_id, at=f"position {position}")
