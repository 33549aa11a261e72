"""Verify the log: the tree, the chains, and what is missing, in one view."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from consent_service.audit.notes import VerifierKey
from consent_service.audit.verification import _store
from consent_service.audit.verification.attacks import Finding, Findings
from consent_service.audit.verification.chains import follow
from consent_service.audit.verification.missing import look_for_missing
from consent_service.audit.verification.receipts import Witness, hear
from consent_service.audit.verification.steps import Changed, Registered, Steps, nobody_asks, nobody_registers
from consent_service.audit.verification.tree import Kept, climb
from consent_service.crypto.service_keys import SealKey
from consent_service.storage.engine import Snapshot


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what does not hold; nothing if the log is whole. ``signed`` leaves are covered."""

    chains: int
    entries: int
    leaves: int
    checkpoints: int
    signed: int
    findings: tuple[Finding, ...]
    left_out: int


async def work_ahead(view: Snapshot) -> int:
    """How many steps ``verify`` will tell of: one for each entry and each leaf."""
    totals = await _store.totals(view)
    return int(totals["entries"] + max(totals["leaves"], totals["hashes"]))


async def verify(
    view: Snapshot,
    log_key: SealKey,
    keys: Sequence[VerifierKey],
    *,
    kept: Iterable[Kept] = (),
    witnesses: Iterable[Witness] = (),
    changed: Changed = nobody_asks,
    registered: Registered = nobody_registers,
    looked_at: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Look at the whole log. ``keys`` may sign checkpoints; ``kept`` and ``witnesses`` are from outside.

    Where a value is of another type than its column's, that is told, and nothing is followed: it could not be read.
    ``changed`` reads the consents' rows, and ``registered`` the units', which are then held against the log as well.
    """
    found = Findings()
    misfits = await _store.misfits(view)
    for table, rows in misfits.items():
        what = f"{rows} hold what is not of their columns' types; nothing was followed"
        found.add(("A1",), what, at=f"rows of {table}")
    if misfits:
        return Verified(0, 0, 0, 0, 0, tuple(found), found.left_out)
    tree = await climb(view, keys, kept, found, looked_at=looked_at)
    chains, entries = await follow(
        view, log_key, tree, found, Steps(view, changed, registered, found), looked_at=looked_at
    )
    await look_for_missing(view, tree, found)
    await hear(view, witnesses, found)
    return Verified(chains, entries, tree.size, tree.checkpoints, tree.signed, tuple(found), found.left_out)
