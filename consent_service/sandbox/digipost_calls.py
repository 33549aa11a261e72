"""What each call to the local Digipost does, once it is known to be an account's own."""

from datetime import datetime, timedelta

from consent_service.sandbox import digipost_answers as answers
from consent_service.sandbox.digipost_counter import Call, Counter, Done
from consent_service.sandbox.digipost_faults import Fault
from consent_service.sandbox.digipost_messages import Message, read, validated
from consent_service.sandbox.digipost_post_office import (
    EVENTS_LAST,
    DigipostAccount,
    DigipostSender,
    StoredLetter,
)
from consent_service.sandbox.digipost_printing import check_printable
from consent_service.sandbox.digipost_refusals import Refused

_MOST_EVENTS = 1000


def entry_point(counter: Counter, call: Call, sender_id: int | None = None) -> Done:
    """``GET /`` and ``GET /{sender-id}``: certificate and links, absolute, on the host that was asked."""
    if sender_id is not None and call.account.sender(user_id=sender_id) is None:
        raise Refused(403, "BROKER_NOT_AUTHORIZED", "The account may not act for that sender.")
    base = str(call.request.base_url).rstrip("/")
    links = {
        "CREATE_MESSAGE": f"{base}/messages",
        "IDENTIFY_RECIPIENT": f"{base}/identification",
        "DOCUMENT_EVENTS": f"{base}/documents/events",
        "GET_SENDER_INFORMATION": f"{base}/sender-information",
        "API_DOCUMENTATION": "https://digipost.github.io/digipost-technical-docs/",
    }
    return Done(200, answers.entry_point(counter.certificate_pem, links))


def create_message(counter: Counter, call: Call) -> Done:
    """``POST /messages``: one letter in one request."""
    message = read(call.received.headers.get("content-type", ""), call.received.body)
    sender = _sender(call.account, message)
    if message.authentication_level.startswith("IDPORTEN") and not call.account.approved_for_idporten:
        raise Refused(403, "NOT_APPROVED_FOR_IDPORTEN", "The account is not approved for ID-porten levels.")
    if message.cover is not None and not call.account.approved_for_print:
        raise Refused(403, "NOT_APPROVED_FOR_PRINT", "The account is not approved for print.")
    counter.office.check_unused(sender, message.message_id, message.document_uuid)
    recipient = counter.office.user(message.national_id or "")
    if recipient is None:
        if message.cover is None:
            raise Refused(404, "UNKNOWN_RECIPIENT", "The recipient does not have a Digipost account.")
        check_printable(message.content)
    held_back = call.order is not None and call.order.kind is Fault.HELD_BACK
    letter = StoredLetter(
        message_id=message.message_id,
        document_uuid=message.document_uuid,
        sender=sender,
        account_id=call.account.user_id,
        recipient=recipient,
        cover=message.cover if recipient is None else None,
        subject=message.subject,
        content=message.content,
        authentication_level=message.authentication_level,
        sensitivity_level=message.sensitivity_level,
        created=call.now,
        delivered=call.now + timedelta(seconds=call.order.seconds if held_back and call.order else 0),
    )
    counter.office.store(letter)
    location = f"{str(call.request.base_url).rstrip('/')}/messages/{len(counter.office.letters)}"
    return Done(201, answers.delivery(letter, call.now), {"Location": location})


def document_status(counter: Counter, call: Call, sender_id: int, document_uuid: str) -> Done:
    """``GET /documents/{sender-id}/{uuid}/status``."""
    letter = counter.office.letters.get((sender_id, document_uuid))
    if letter is None or call.account.sender(user_id=sender_id) is None:
        raise Refused(404, "DOCUMENT_NOT_FOUND", "There is no such document.")
    return Done(200, answers.status(letter, call.now))


def document_events(counter: Counter, call: Call) -> Done:
    """``GET /documents/events``: the account's events, oldest first, kept for 30 days."""
    asked = call.request.query_params
    begins, ends = _time(asked.get("from")), _time(asked.get("to"))
    if begins > ends:
        raise Refused(400, "INVALID_DATE_RANGE", "The range ends before it begins.")
    offset, most = _number(asked.get("offset"), 0), _number(asked.get("maxResults"), 100)
    found = [
        event
        for event in counter.office.events
        if event.account_id == call.account.user_id
        and begins <= event.created <= ends
        and event.created > call.now - EVENTS_LAST
        and asked.get("sender") in {None, str(event.sender_id)}
    ]
    return Done(200, answers.events(found[offset : offset + min(most, _MOST_EVENTS)]))


def identify(counter: Counter, call: Call) -> Done:
    """``POST /identification``, by national identity number."""
    root = validated(call.received.body, "identification")
    number = root.findtext("{*}personal-identification-number")
    if number is None:
        raise Refused(400, "PROBLEM_WITH_REQUEST", "This local Digipost identifies by identity number only.")
    person = counter.office.people.get(number)
    if not number.isdigit():
        return Done(200, answers.identified("INVALID", ("invalid-reason", "INVALID_PERSONAL_IDENTIFICATION_NUMBER")))
    if person is None:
        return Done(200, answers.identified("UNIDENTIFIED", ("unidentified-reason", "NOT_FOUND")))
    if person.standing == "user":
        return Done(200, answers.identified("DIGIPOST"))
    return Done(200, answers.identified("IDENTIFIED", ("person-alias", person.inbox)))


def sender_information(_: Counter, call: Call) -> Done:
    """``GET /sender-information?org_id=``: who the account may send for."""
    asked = call.request.query_params.get("org_id")
    return Done(200, answers.sender_information(call.account.sender(organisation_number=asked) if asked else None))


def _sender(account: DigipostAccount, message: Message) -> DigipostSender:
    if message.sender_id is None and message.sender_organisation is None:
        return account.itself
    sender = account.sender(user_id=message.sender_id, organisation_number=message.sender_organisation)
    if sender is None:
        raise Refused(403, "BROKER_NOT_AUTHORIZED", "The account may not send for that sender.")
    return sender


def _time(text: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise Refused(400, "INVALID_DATE", "from and to are times with an offset.") from None
    if moment.tzinfo is None:
        raise Refused(400, "INVALID_DATE", "from and to are times with an offset.")
    return moment


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Refused(400, "INVALID_QUERY_PARAMETER", "offset and maxResults are numbers.")
    return int(text)
