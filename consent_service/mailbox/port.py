"""The mailbox as this service sees it: hand over one letter, ask what became of it, hear what happened since.

The rule: every answer is a value, and the caller's next step follows from its type alone. Above all it tells
*certainly not taken* (``Retry``, ``Parked``, ``Failed``) from *perhaps taken* (``Unknown``, ``Duplicate``),
since a letter of the second kind must be asked about, under the same ids, before anybody gives up on it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class AuthenticationLevel(StrEnum):
    """What the recipient must have logged in with to open the letter (``api_v8.xsd``)."""

    PASSWORD = "PASSWORD"  # noqa: S105 - the name of a level
    TWO_FACTOR = "TWO_FACTOR"
    IDPORTEN_3 = "IDPORTEN_3"
    IDPORTEN_4 = "IDPORTEN_4"


class SensitivityLevel(StrEnum):
    """Whether sender and subject may stand in a notification (``api_v8.xsd``)."""

    NORMAL = "NORMAL"
    SENSITIVE = "SENSITIVE"


@dataclass(frozen=True)
class PostalAddress:
    """A postal address in Norway, with the name on the letter box: at most three ``lines``."""

    name: str = field(repr=False)
    lines: tuple[str, ...] = field(repr=False)
    postal_code: str = field(repr=False)
    city: str = field(repr=False)


@dataclass(frozen=True)
class Paper:
    """Lets the mailbox print a letter and post it, if its reader has no account there. ``back_to`` is the sender's."""

    to: PostalAddress
    back_to: PostalAddress


@dataclass(frozen=True)
class OutgoingLetter:
    """One letter to one person. The ids are the sender's, and the same at every attempt, on paper too.

    ``document_uuid`` is in lower case. ``sender_organisation`` is the organisation number that the recipient
    sees as the sender; None is the account's own. ``sent_as`` is what ``Mailbox.sender_of`` said when it was first
    sent; None is what it says now. Without ``paper`` it is never printed.
    """

    message_id: str
    document_uuid: str
    national_id: str = field(repr=False)
    subject: str
    pdf: bytes = field(repr=False)
    sender_organisation: str | None = None
    sent_as: str | None = None
    authentication_level: AuthenticationLevel = AuthenticationLevel.TWO_FACTOR
    sensitivity_level: SensitivityLevel = SensitivityLevel.SENSITIVE
    paper: Paper | None = None


@dataclass(frozen=True)
class Accepted:
    """The mailbox has the letter; ``delivered_at`` is None while it still works on it. ``printed``: it goes on paper,
    and was delivered to who prints and posts it.
    """

    delivered_at: int | None
    printed: bool = False


@dataclass(frozen=True)
class NotAUser:
    """The mailbox confirmed that this person has no mailbox there. Nothing was taken.

    ``confirmed`` is False where it could not tell who the person is: then there is no letter on paper either. To a send
    it is False where something was not found and it did not say what: ask who she is.
    """

    confirmed: bool = True


@dataclass(frozen=True)
class Duplicate:
    """An id was used before: an earlier attempt got through, or somebody else's did. Ask for the status."""

    reason: str


@dataclass(frozen=True)
class Retry:
    """Certainly not taken; the same letter may be tried again. ``after`` is in seconds, if it was named."""

    reason: str
    after: float | None = None


@dataclass(frozen=True)
class Unknown:
    """Perhaps taken: no answer, or one that can't be trusted. Ask for the status before anything else."""

    reason: str
    after: float | None = None


@dataclass(frozen=True)
class Parked:
    """Not taken, and it won't be until an operator has put something right (an agreement, a certificate)."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """Not taken, and this letter never will be."""

    reason: str


@dataclass(frozen=True)
class User:
    """The person has a mailbox there."""


Outcome = Accepted | NotAUser | Duplicate | Retry | Unknown | Parked | Failed


@dataclass(frozen=True)
class Held:
    """The mailbox has the document; ``delivered_at`` and ``printed`` are as in ``Accepted``."""

    delivered_at: int | None
    printed: bool = False


@dataclass(frozen=True)
class NotHeld:
    """The mailbox denies having the document.

    ``certain`` is False where nobody could tell under which account the sender's documents stand: the mailbox may have
    it under another. It may then be sent again, under the same ids, and is never given up for that.
    """

    certain: bool = True


@dataclass(frozen=True)
class Unanswered:
    """No answer, or one that can't be trusted: nothing is known. ``park``: nor will it be until an operator acts."""

    reason: str
    park: bool = False


DocumentStatus = Held | NotHeld | Unanswered


Identification = User | NotAUser | Unanswered


@dataclass(frozen=True)
class DocumentEvent:
    """Something that happened to a document. ``kind`` is the mailbox's word; unknown ones are passed on."""

    document_uuid: str
    kind: str
    at: int


class Mailbox(Protocol):
    """Where letters go. No method raises for what the other side does or fails to do."""

    async def ready(self) -> Retry | Parked | None:
        """Have at hand what costs a call before a letter can go; None if it can, or why it can't."""
        ...

    async def send(self, letter: OutgoingLetter) -> Outcome:
        """Hand over ``letter``, in one request signed now; Parked if that can't be under its sender any more.

        After ``ready`` that request is the first: nothing comes between whoever let the letter go and its leaving.
        """
        ...

    def sender_of(self, organisation: str | None) -> str:
        """Under which sender a letter of ``organisation`` goes by the settings of now, as one word to be kept with it.

        The mailbox knows a message-id and a document under their sender alone.
        """
        ...

    async def status(
        self, document_uuid: str, sender_organisation: str | None = None, sent_as: str | None = None
    ) -> DocumentStatus:
        """What the mailbox says of a document that was sent for ``sender_organisation``, under ``sent_as`` (None: as
        ``sender_of`` says now).
        """
        ...

    async def identify(self, national_id: str) -> Identification:
        """Whether a person has a mailbox there; nothing is sent. No answer is never a no."""
        ...

    async def events(self, since: int, until: int) -> tuple[DocumentEvent, ...] | Unanswered:
        """Every event created from ``since`` to ``until``, oldest first, each once.

        An event can become visible later than its own time, so windows must overlap, and the caller drops
        what it has seen before.
        """
        ...
