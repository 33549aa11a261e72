"""Digipost as a mailbox: the sender API v8 (https://digipost.github.io/digipost-technical-docs/).

One letter is one ``POST /messages`` with the message and its PDF in one body. The same letter is the same
bytes at every attempt; only Date and signature are new, since a signature lives for five minutes.
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from consent_service.mailbox import digipost_xml as xml
from consent_service.mailbox.digipost_calls import XML, Answer, NoAnswer, NotSent, SignedCalls
from consent_service.mailbox.digipost_errors import outcome
from consent_service.mailbox.port import (
    DocumentEvent,
    DocumentStatus,
    Held,
    Identification,
    NotAUser,
    NotHeld,
    Outcome,
    OutgoingLetter,
    Parked,
    Retry,
    Unanswered,
    Unknown,
    User,
)

_NOT_HELD = frozenset({"DOCUMENT_NOT_FOUND", "MESSAGE_NOT_FOUND", None})  # a plain "not found" need not say more
_PAGE = 100
_MOST_PAGES = 1000
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SENDER_CHANGED = "sender-changed"
_NO_LINK = Parked("no-link-create-message")


@dataclass(frozen=True)
class _Sender:
    """Whose letter it is to Digipost: the account that sends it, and the organisation that it names, if another."""

    account: str
    organisation: str | None


class Digipost:
    """The mailbox port over ``calls``, for the account with ``user_id``.

    ``organisation_number`` is the account's own: letters of other organisations name them as the sender,
    which takes an agreement with Digipost (a broker).
    """

    def __init__(self, calls: SignedCalls, *, user_id: int, organisation_number: str | None = None) -> None:
        """Take what is said above."""
        self._calls = calls
        self._user_id = user_id
        self._organisation_number = organisation_number
        self._sender_ids: dict[str, str] = {}

    async def ready(self) -> Retry | Parked | None:
        """See ``Mailbox.ready``: the entry point, and the link that letters go to."""
        path = await self._calls.link("CREATE_MESSAGE")
        if isinstance(path, NotSent):
            return _not_sent(path)
        return None if path else _NO_LINK

    async def send(self, letter: OutgoingLetter) -> Outcome:
        """See ``Mailbox.send``. Where our signature was too old, the next attempt has a fresh one."""
        sender = self._sender(letter.sender_organisation, letter.sent_as)
        if sender.account != str(self._user_id):
            return Parked(_SENDER_CHANGED)
        path = await self._calls.link("CREATE_MESSAGE", at_hand=True)
        if isinstance(path, NotSent):
            return _not_sent(path)
        if not path:
            return _NO_LINK
        content_type, body = multipart(letter, sender.organisation)
        headers = {"Content-Type": content_type, "MIME-Version": "1.0"}
        answer = await self._calls.call("POST", path, body=body, headers=headers, at_hand=True)
        return self._outcome(answer, letter, sender)

    def sender_of(self, organisation: str | None) -> str:
        """See ``Mailbox.sender_of``: the account that sends, and after a slash whom its letters name as the sender."""
        account = str(self._user_id)
        return account if organisation in {None, self._organisation_number} else f"{account}/{organisation}"

    async def status(
        self, document_uuid: str, sender_organisation: str | None = None, sent_as: str | None = None
    ) -> DocumentStatus:
        """See ``Mailbox.status``. Only Digipost's own "not found", signed, is a denial: any other 404 is none.

        Documents stand under their sender's account. Where nobody can say which that is, it is asked under the account
        that sent it. Of what another account of ours sent, only that it is there is believed: an account that may not
        see a document is told that there is none.
        """
        if not _UUID.fullmatch(document_uuid):
            raise ValueError("a document's id is a UUID in lower case")
        sender = self._sender(sender_organisation, sent_as)
        found = await self._status(document_uuid, sender)
        if sender.account != str(self._user_id) and not isinstance(found, Held):
            return Unanswered(_SENDER_CHANGED, park=True)
        return found

    async def _status(self, document_uuid: str, sender: _Sender) -> DocumentStatus:
        stands_under = await self._sender_id(sender)
        if isinstance(stands_under, Unanswered):
            return stands_under
        account = stands_under or sender.account
        answer = await self._calls.call("GET", f"/documents/{account}/{document_uuid}/status")
        if not isinstance(answer, Answer):
            return Unanswered(answer.reason)
        if answer.status == 404 and answer.error.code in _NOT_HELD:
            return NotHeld(certain=stands_under is not None)
        if answer.status != 200:
            return Unanswered(answer.error.code or f"http-{answer.status}")
        try:
            held = xml.document_status(answer.body, document_uuid, self._calls.now())
        except xml.Unreadable:
            return Unanswered("answer-unreadable")
        self._learn(sender.organisation, account)
        return held

    async def identify(self, national_id: str) -> Identification:
        """See ``Mailbox.identify``. Whoever Digipost knows and has no account for, or does not find, is not a user."""
        path = await self._calls.link("IDENTIFY_RECIPIENT", at_hand=True)
        if isinstance(path, NotSent):
            return Unanswered(path.reason)
        body, headers = xml.identification(national_id), {"Content-Type": XML}
        answer = await self._calls.call("POST", path or "/identification", body=body, headers=headers, at_hand=True)
        if not isinstance(answer, Answer):
            return Unanswered(answer.reason)
        if answer.status != 200:
            return Unanswered(answer.error.code or f"http-{answer.status}")
        try:
            found = xml.is_user(answer.body)
        except xml.Unreadable:
            return Unanswered("answer-unreadable")
        return User() if found else NotAUser(confirmed=found is not None)

    async def events(self, since: int, until: int) -> tuple[DocumentEvent, ...] | Unanswered:
        """See ``Mailbox.events``. A full page is followed by the next, with the same times."""
        path = await self._calls.link("DOCUMENT_EVENTS")
        if isinstance(path, NotSent):
            return Unanswered(path.reason)
        found: set[DocumentEvent] = set()
        for page in range(_MOST_PAGES):
            events = await self._events_page(path or "/documents/events", since, until, page * _PAGE)
            if isinstance(events, Unanswered):
                return events
            found.update(events)
            if len(events) < _PAGE:
                return tuple(sorted(found, key=lambda event: (event.at, event.document_uuid, event.kind)))
        return Unanswered("too-many-events")

    async def _events_page(self, path: str, since: int, until: int, offset: int) -> list[DocumentEvent] | Unanswered:
        asked = {
            "from": xml.time_parameter(since),
            "to": xml.time_parameter(until),
            "offset": str(offset),
            "maxResults": str(_PAGE),
        }
        answer = await self._calls.call("GET", path, query=urlencode(asked))
        if not isinstance(answer, Answer):
            return Unanswered(answer.reason)
        if answer.status != 200:
            return Unanswered(answer.error.code or f"http-{answer.status}")
        try:
            return xml.document_events(answer.body)
        except xml.Unreadable:
            return Unanswered("answer-unreadable")

    def _sender(self, organisation: str | None, sent_as: str | None) -> _Sender:
        account, _, named = (sent_as or self.sender_of(organisation)).partition("/")
        return _Sender(account, named or None)

    async def _sender_id(self, sender: _Sender) -> str | Unanswered | None:
        """The account id that documents of ``sender`` stand under; None if Digipost has no way to say."""
        organisation = sender.organisation
        if organisation is None:
            return sender.account
        if organisation not in self._sender_ids:
            found = await self._asked_sender_id(organisation)
            if isinstance(found, Unanswered):
                return found
            self._learn(organisation, found)
        return self._sender_ids.get(organisation)

    def _learn(self, organisation: str | None, sender: str | None) -> None:
        if organisation is not None and sender is not None:
            self._sender_ids[organisation] = sender

    async def _asked_sender_id(self, organisation: str) -> str | Unanswered | None:
        path = await self._calls.link("GET_SENDER_INFORMATION")
        if isinstance(path, NotSent):
            return Unanswered(path.reason)
        if not path:  # until a letter of the sender's is taken or found, nobody knows
            return None
        answer = await self._calls.call("GET", path, query=urlencode({"org_id": organisation}))
        if not isinstance(answer, Answer) or answer.status != 200:
            return Unanswered("sender-information")
        try:
            return xml.sender_id(answer.body) or Unanswered("sender-unknown")
        except xml.Unreadable:
            return Unanswered("answer-unreadable")

    def _outcome(self, answer: Answer | NotSent | NoAnswer, letter: OutgoingLetter, sender: _Sender) -> Outcome:
        match answer:
            case NotSent():
                return _not_sent(answer)
            case NoAnswer(reason=reason, retry_after=after):
                return Unknown(reason, after)
        if not 200 <= answer.status < 300:
            return outcome(answer.status, answer.error.code, answer.error.type, answer.retry_after)
        try:
            accepted = xml.delivery(answer.body, letter, self._calls.now())
            self._learn(sender.organisation, xml.delivered_for(answer.body))
        except xml.Unreadable:
            return Unknown("answer-unreadable")
        return accepted


def multipart(letter: OutgoingLetter, sender_organisation: str | None) -> tuple[str, bytes]:
    """Content-Type and body of a send: the message, then the PDF under its uuid. The same letter, the same bytes.

    The boundary is a hash of everything inside, so that nothing inside can contain it.
    """
    message = xml.message(letter, sender_organisation)
    boundary = hashlib.sha256(message + letter.pdf).hexdigest()
    return f"multipart/vnd.digipost-v8+xml; boundary={boundary}", b"".join(
        [
            _part(boundary, "message", f"{XML}; charset=UTF-8", message),
            _part(boundary, letter.document_uuid, "application/pdf", letter.pdf),
            f"--{boundary}--\r\n".encode(),
        ]
    )


def _part(boundary: str, filename: str, content_type: str, content: bytes) -> bytes:
    head = (
        f'--{boundary}\r\nContent-Disposition: attachment; filename="{filename}"\r\n'
        f"Content-Type: {content_type}\r\n\r\n"
    )
    return head.encode() + content + b"\r\n"


def _not_sent(why: NotSent) -> Retry | Parked:
    return Parked(why.reason) if why.park else Retry(why.reason, why.retry_after)
