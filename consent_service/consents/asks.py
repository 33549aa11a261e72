"""What may be asked of the gate, and what it answers. The content exists on ``Released``, ``Dispatched``
and ``Archived`` only.

A refusal is a value: it can't be overlooked, and its log entry commits.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from consent_service.vault.parts import PartRef


@dataclass(frozen=True)
class ReleaseAsk:
    """A unit asks for what a consent lets it have. ``employee`` and ``office`` are asserted by the unit.

    ``supplier`` is the organisation number of who calls on its behalf, if somebody does.
    """

    consent_id: str
    unit_id: str
    employee: str
    office: str
    idempotency_key: str
    supplier: str | None = None
    key_hash: str = field(init=False)
    """How the unit's idempotency key is remembered."""

    def __post_init__(self) -> None:
        """Hash the key."""
        remembered = f"{self.unit_id}\x00{self.idempotency_key}".encode(errors="surrogatepass")
        object.__setattr__(self, "key_hash", sha256(remembered).hexdigest())


@dataclass(frozen=True)
class DispatchAsk:
    """The outbox asks for a letter's content, anew before each sending. ``address`` names the part that says where it
    goes on paper: then the mailbox has just confirmed that she has no account there. ``register``: the contact register
    is to be asked about her number first, if what she said yes to tells her so; then the number alone is let go, and
    the gate is asked again for the letter.
    """

    letter_id: str
    consent_id: str
    candidate_id: str
    pdf: PartRef
    address: PartRef | None = None
    register: bool = False


@dataclass(frozen=True)
class ArchiveAsk:
    """The unit that pushed a plan asks for the copy that was made for its archive. Spends no use.

    It names a plan and never a part: nothing else that is shared under the consent can be had this way.
    """

    consent_id: str
    unit_id: str
    employee: str
    office: str
    plan_id: str
    version: int
    supplier: str | None = None
    key_hash: str = field(init=False, default="")
    """Nothing is remembered: the copy is the same each time."""


@dataclass(frozen=True)
class Released:
    """Content that may be handed out: its release is recorded and durable."""

    release_id: str
    consent_id: str
    at: int
    content: bytes = field(repr=False)
    content_sha256: str
    salt: bytes = field(repr=False)
    repeated: bool


@dataclass(frozen=True)
class Dispatched:
    """A letter that may be sent now.

    ``national_id``: the number that the consent was given with. One that was linked to her since (``persons.linking``)
    goes with consents from then on: what was consented to never changes, and whose letter it is neither. ``address`` is
    there if it was asked for. ``register``: the number may go to the contact register, the log says so, and the letter
    may not go yet: it is not here.
    """

    letter_id: str
    at: int
    national_id: str = field(repr=False)
    pdf: bytes = field(repr=False)
    pdf_sha256: str
    address: bytes | None = field(default=None, repr=False)
    register: bool = False


@dataclass(frozen=True)
class Archived:
    """A plan's copy for its sender's archive: that it was fetched is recorded and durable."""

    at: int
    pdf: bytes = field(repr=False)
    pdf_sha256: str


@dataclass(frozen=True)
class Refused:
    """The gate's other answer. The reason is for the log and the outbox; the outside sees one answer for all."""

    reason: str


Ask = ReleaseAsk | DispatchAsk | ArchiveAsk
Answer = Released | Dispatched | Archived | Refused
