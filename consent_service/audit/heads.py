"""The head of a chain: where it ends, and where in it the last words stand.

There is a last word about each consent that goes on, and one about what is refused once and for all; and how often
the chain said who the person is, which is the version of the part that says so now. A MAC under the log key covers the
head, so that an entry which was hidden, changed or deleted makes no older word the last.

A head that others changed, or put back, is moved on, since nothing may keep a person from ending what she shares, but
it is never proven again: whatever hangs on it is refused.
"""

from dataclasses import dataclass

import orjson

from consent_service.audit import vocabulary
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import SealKey
from consent_service.storage.engine import Row

FIRST = bytes(32)  # what the first entry of a chain links to
_MOST = 2**52  # entries, or microseconds (in 2112): half of what canonical JSON can count, so that there is a next
_TYPES = [int, bytes, int, str, bytes]


@dataclass(slots=True)
class Head:
    """A chain's head, locked for this transaction; it moves as entries are appended.

    ``sound``: whether the service wrote it, None until somebody looked. ``placed``: whether the place that it names was
    found to be free (``places``).
    """

    chain_id: str
    length: int
    digest: bytes
    last_at: int
    steps: str
    mac: bytes
    sound: bool | None = None
    placed: bool = False

    def now(self, clock_now: int) -> int:
        """The later of the clock and just after the chain's last entry.

        Time never runs backwards within a chain, and no two of its entries share an instant: what happened first is
        told first, to people and to units, also when the clock is coarse or was set back.
        """
        return max(clock_now, self.last_at + 1)


def head_of(row: Row, *, digest: str = "digest") -> Head:
    """The head that was read in ``row``.

    One that holds what no head of ours can is somebody else's, and nothing of it is kept, so that whoever asks it for
    a time or a place gets one.
    """
    head = Head(row["chain_id"], row["length"], row[digest], row["last_at"], row["steps"], row["mac"])
    held = head.length, head.digest, head.last_at, head.steps, head.mac
    if [*map(type, held)] == _TYPES and 0 <= head.length < _MOST and 0 <= head.last_at < _MOST:
        return head
    return Head(head.chain_id, 0, FIRST, 0, "{}", b"", sound=False)


def head_beside(entry: Row) -> Head:
    """The head that was read beside an entry of its chain, not locked; its own digest is called ``head``."""
    return head_of(entry, digest="head")


def beside(chain: str) -> tuple[str, str]:
    """The columns, and the join, that read the head of ``chain`` (SQL) beside a row; two statements see two moments."""
    behind = "EXISTS (SELECT 1 FROM entry b WHERE b.chain_id = c.chain_id AND b.position >= c.length)"
    columns = f"c.chain_id, c.length, c.digest AS head, c.last_at, c.steps, c.mac, {behind} AS beyond"
    return columns, f"LEFT JOIN chain c ON c.chain_id = {chain}"


def left_beside(key: SealKey, beside: Row) -> Head | None:
    """The head that was read beside a row (``beside``), as the service left it.

    None if it is not there, if somebody else wrote it, or put it back: then entries stand behind it.
    """
    if beside["chain_id"] is None or beside["beyond"]:
        return None
    head = head_beside(beside)
    return head if is_sound(key, head) else None


def is_sound(key: SealKey, head: Head) -> bool:
    """Whether the service wrote the head."""
    if head.sound is None:
        begun = (head.length, head.digest, head.steps, head.mac) == (0, FIRST, "{}", b"")
        head.sound = begun or key.beside.verify(_covered(head), head.mac)
    return head.sound


def steps_of(key: SealKey, head: Head) -> dict[str, int] | None:
    """Where the last words stand (``vocabulary.note``), or None if somebody else wrote the head."""
    return dict(orjson.loads(head.steps)) if is_sound(key, head) else None


def note(head: Head, event: str, consent_id: str | None, *, state: bool) -> None:
    """Bring a sound head up to date with the entry that comes next."""
    if not state and not vocabulary.stays(event):
        return  # as nearly all are
    steps = orjson.loads(head.steps)
    if vocabulary.note(steps, event, consent_id, state=state, position=head.length):
        head.steps = canonical(steps).decode()


def seal_head(key: SealKey, head: Head) -> None:
    """Prove a head that has moved on, if it was proven before."""
    head.mac = key.beside.mac(_covered(head)) if head.sound else b""


def _covered(head: Head) -> bytes:
    # Nothing before the ids can hold what parts them, nor can JSON: no two heads give the same bytes.
    place = f"{head.length}\0{head.last_at}\0{head.digest.hex()}"
    return f"log head 1\0{place}\0{head.chain_id}\0{head.steps}".encode()
