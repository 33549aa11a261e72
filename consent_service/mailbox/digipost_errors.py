"""What each of Digipost's errors means for a letter, as one table.

No source gives an official retry table; this one follows from what the codes say (Digipost's Java client,
``errorhandling/ErrorCode.java``) and from one fact: a message-id that was used is refused, so sending again
under the same ids never makes a second letter.
"""

from enum import Enum

from consent_service.mailbox.port import Duplicate, Failed, NotAUser, Outcome, Parked, Retry, Unknown


class Step(Enum):
    """What to do about an error."""

    CONFIRM = "an id was used before: ask for the document's status"
    GIVE_UP = "this letter will never be taken"
    NEXT_CHANNEL = "the person is not a user, or so it seems: the mailbox is the wrong channel"
    PARK = "an operator must put something right first"
    RETRY = "not taken: try the same letter again, signed anew"
    UNSURE = "perhaps taken: try again under the same ids, and ask first"


_BY_CODE: dict[str, Step] = {
    "API_UNAVAILABLE": Step.UNSURE,
    "CONNECTION_ERROR": Step.UNSURE,
    "DATE_HEADER_OUTSIDE_ACCEPTED_INTERVAL": Step.RETRY,
    "DIGIPOST_MESSAGE_ALREADY_DELIVERED": Step.CONFIRM,
    "DUPLICATE_DOCUMENT_ID": Step.CONFIRM,
    "DUPLICATE_DOCUMENT_ID_FOR_BATCH": Step.CONFIRM,
    "DUPLICATE_MESSAGE": Step.CONFIRM,
    "ILLEGAL_ACCESS": Step.PARK,
    "INVALID_SIGNATURE": Step.PARK,
    "INVALID_USER_ID_HEADER": Step.PARK,
    "MESSAGE_ALREADY_SENT": Step.CONFIRM,
    "MISSING_SIGNATURE": Step.PARK,
    "PRINT_MESSAGE_ALREADY_DELIVERED": Step.CONFIRM,
    "UNKNOWN_RECIPIENT": Step.NEXT_CHANNEL,
    "UNKNOWN_SENDER": Step.PARK,
    "UNKNOWN_USER_ID": Step.PARK,
}

_BY_TYPE: dict[str, Step] = {
    "CLIENT_DATA": Step.GIVE_UP,
    "CLIENT_TECHNICAL": Step.GIVE_UP,
    "CONFIGURATION": Step.PARK,
    "SERVER": Step.UNSURE,
}

_BY_STATUS: dict[int, Step] = {403: Step.PARK, 408: Step.UNSURE, 409: Step.CONFIRM, 429: Step.RETRY}


def step(status: int, code: str | None, error_type: str | None) -> Step:
    """What to do about an answer with HTTP ``status`` and the body's ``code`` and ``error_type``, if any.

    The code decides if it is known; then a status that says more than the type does; then the type. What is
    left is parked: a person looks at it. A 404 without a code does not make a non-user: only ``UNKNOWN_RECIPIENT``
    does, or the mailbox's answer when it is asked who she is.
    """
    if code is not None and code in _BY_CODE:
        return _BY_CODE[code]
    if status == 404 and code is None:
        return Step.NEXT_CHANNEL
    if status >= 500:
        return Step.UNSURE
    return _BY_STATUS.get(status) or _BY_TYPE.get(error_type or "", Step.PARK)


def outcome(status: int, code: str | None, error_type: str | None, retry_after: float | None) -> Outcome:
    """The same as the port's outcome; its reason is the code, or ``http-<status>``. Never free text."""
    reason = code or f"http-{status}"
    match step(status, code, error_type):
        case Step.CONFIRM:
            return Duplicate(reason)
        case Step.GIVE_UP:
            return Failed(reason)
        case Step.NEXT_CHANNEL:
            return NotAUser(confirmed=code is not None)
        case Step.PARK:
            return Parked(reason)
        case Step.RETRY:
            return Retry(reason, retry_after)
        case Step.UNSURE:
            return Unknown(reason, retry_after)
