"""What the local Digipost knows: accounts, people, letters and events. In memory, for as long as it runs."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from consent_service.sandbox.digipost_printing import Cover
from consent_service.sandbox.digipost_refusals import Refused

EVENTS_LAST = timedelta(days=30)

Standing = Literal["user", "deactivated", "not_a_user"]
Posted = Literal["POSTMARKED", "PRINT_FAILED", "SHREDDED"]


@dataclass(frozen=True)
class DigipostSender:
    """Somebody whose letters an account may send: account id, name and organisation number."""

    user_id: int
    name: str
    organisation_number: str


@dataclass(frozen=True)
class DigipostAccount:
    """A sender with its certificate, and the senders that have let it send for them (a broker)."""

    user_id: int
    name: str
    organisation_number: str
    certificate_pem: str
    sends_for: tuple[DigipostSender, ...] = ()
    approved_for_idporten: bool = True
    approved_for_print: bool = True

    @property
    def itself(self) -> DigipostSender:
        """The account as a sender."""
        return DigipostSender(self.user_id, self.name, self.organisation_number)

    def sender(self, *, user_id: int | None = None, organisation_number: str | None = None) -> DigipostSender | None:
        """The sender with that id or number, if this account may send for it."""
        for sender in (self.itself, *self.sends_for):
            if sender.user_id == user_id or sender.organisation_number == organisation_number:
                return sender
        return None


@dataclass
class DigipostPerson:
    """Somebody Digipost has heard of. ``inbox`` is a random id, so that no address carries the number."""

    national_id: str = field(repr=False)
    name: str
    standing: Standing = "user"
    inbox: str = field(default_factory=lambda: secrets.token_urlsafe(9))


@dataclass
class StoredLetter:
    """A letter that was taken: for its ``recipient``'s inbox, or printed behind its ``cover``."""

    message_id: str | None
    document_uuid: str
    sender: DigipostSender
    account_id: int
    recipient: DigipostPerson | None
    cover: Cover | None
    subject: str
    content: bytes = field(repr=False)
    authentication_level: str
    sensitivity_level: str
    created: datetime
    delivered: datetime
    opened: datetime | None = None

    def is_delivered(self, now: datetime) -> bool:
        """Whether it lies in the recipient's inbox."""
        return self.delivered <= now


@dataclass(frozen=True)
class Event:
    """Something that happened to a document."""

    account_id: int
    sender_id: int
    document_uuid: str
    kind: str
    created: datetime
    document_created: datetime


class PostOffice:
    """Letters by sender and document id, people by number, accounts by id."""

    def __init__(self, accounts: Iterable[DigipostAccount], people: Iterable[DigipostPerson]) -> None:
        """Open with ``accounts`` and ``people``, and no letters."""
        self.accounts = {account.user_id: account for account in accounts}
        self.people = {person.national_id: person for person in people}
        self.letters: dict[tuple[int, str], StoredLetter] = {}
        self.events: list[Event] = []
        self._message_ids: set[tuple[int, str]] = set()

    def user(self, national_id: str) -> DigipostPerson | None:
        """The user with that number; non-users and deactivated ones are alike none."""
        person = self.people.get(national_id)
        return person if person is not None and person.standing == "user" else None

    def check_unused(self, sender: DigipostSender, message_id: str | None, document_uuid: str) -> None:
        """Refuse ids that this sender has used before; a refused letter uses up none."""
        if message_id is not None and (sender.user_id, message_id) in self._message_ids:
            raise Refused(400, "DUPLICATE_MESSAGE", "The message-id has been previously used.")
        if (sender.user_id, document_uuid) in self.letters:
            raise Refused(400, "DUPLICATE_DOCUMENT_ID", "The document's uuid has been previously used.")

    def store(self, letter: StoredLetter) -> None:
        """Take the letter."""
        self.letters[letter.sender.user_id, letter.document_uuid] = letter
        if letter.message_id is not None:
            self._message_ids.add((letter.sender.user_id, letter.message_id))

    def open(self, letter: StoredLetter, now: datetime) -> None:
        """The recipient opens the letter; the sender hears of the first time."""
        if letter.opened is None:
            letter.opened = now
            self.tell(letter, "OPENED", now)

    def printed(self) -> list[StoredLetter]:
        """What was printed, newest first."""
        return [letter for letter in reversed(self.letters.values()) if letter.recipient is None]

    def tell(self, letter: StoredLetter, kind: str, now: datetime) -> None:
        """The sender can hear that this happened to the letter."""
        about = letter.account_id, letter.sender.user_id, letter.document_uuid
        self.events.append(Event(*about, kind, now, letter.created))

    def inbox(self, person: DigipostPerson, now: datetime) -> list[StoredLetter]:
        """What lies in a person's inbox, newest first."""
        delivered = [
            letter for letter in self.letters.values() if letter.recipient is person and letter.is_delivered(now)
        ]
        return sorted(delivered, key=lambda letter: letter.delivered, reverse=True)
