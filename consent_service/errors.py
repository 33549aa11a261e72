"""Everything that can go wrong, in one tree, without HTTP in it.

::

    ServiceError
    ├── Malformed              the call can't be read (syntax, headers)
    ├── Unauthenticated        nobody known is calling
    ├── Forbidden              a known caller without the right
    ├── NotAvailable           unknown, foreign, unconsented and ended: one and the same answer
    ├── Gone                   was here, and is no longer kept
    ├── Conflict               the call does not fit what is there now
    ├── PreconditionFailed     somebody wrote in between
    ├── PreconditionRequired   the call must say what it was based on
    ├── TooLarge
    ├── UnsupportedMediaType
    ├── Invalid                readable, but not acceptable; says where
    ├── TooManyRequests
    └── Unavailable            a part that is needed is down; nothing was done, but for OutcomeUnknown

A refusal that belongs to the ordinary course (the gate's "no") is a value, not one of these. ``detail`` is
shown to the caller and written to the log: it never carries personal data, nor says whether a person exists.
``app.problems`` has the one table from these classes to problem documents (RFC 9457).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class ServiceError(Exception):
    """The root. ``detail`` is safe to show and to log."""

    detail = "The call could not be carried out."

    def __init__(self, detail: str | None = None) -> None:
        """Take ``detail`` in place of the class's own sentence."""
        if detail is not None:
            self.detail = detail
        super().__init__(self.detail)


class Malformed(ServiceError):
    """The call can't be read."""

    detail = "The call could not be read."


class ActingEmployeeRequired(Malformed):
    """A call about a person says who acts."""

    detail = 'The header Acting-Employee is required, as: id="A123456", office="0501".'


class IdempotencyKeyRequired(Malformed):
    """A unit's POST that creates something carries a key, so that it can be repeated safely."""

    detail = 'The header Idempotency-Key is required: a quoted string of 1 to 255 characters, such as "8e03978e".'


class Unauthenticated(ServiceError):
    """Nobody known is calling. Never says which check failed."""

    detail = "A valid access token or session is required."


class Forbidden(ServiceError):
    """A known caller without the right to make this call."""

    detail = "The caller may not make this call."


class CrossSite(Forbidden):
    """An unsafe call by cookie that did not come from our own pages."""

    detail = "The call did not come from this service's own pages. Go back, load the page again and try once more."


class InsufficientAuthentication(Forbidden):
    """Logged in at too low a level."""

    detail = "Logging in at a higher security level is required."


class UnderAge(Forbidden):
    """A person below the age from which the service takes a consent."""

    detail = "The service is for people above a certain age. The page of the login says where younger people get help."


class InsufficientScope(Forbidden):
    """The token lacks the scope that the call demands."""

    detail = "The access token lacks the scope that this call demands."


class NotAvailable(ServiceError):
    """Unknown, foreign, unconsented or ended. Which one is itself personal data."""

    detail = "There is nothing here that is available to you."


class CodeNotValid(NotAvailable):
    """A pick-up code that opens nothing: wrong, used, withdrawn, locked or lapsed."""

    detail = "The code does not open a note. Check each character, or ask the career centre for a new code."


class Gone(ServiceError):
    """Was here, and is no longer kept."""

    detail = "This is no longer kept."


class Conflict(ServiceError):
    """The call does not fit what is there now."""

    detail = "The call does not fit the present state."


class EventsGone(Gone):
    """The reader of a feed was away for longer than events are kept."""

    detail = "Events from there on are no longer kept. List your consents and mapping requests, then read from the end."


class ConsentEnded(Conflict):
    """The end of a consent is final."""

    detail = "The consent has ended, and an end is final. Give a new consent instead."


class IdempotencyConflict(Conflict):
    """The same key is being used by a call that has not finished."""

    detail = "A call with this Idempotency-Key is under way. Repeat it in a moment."


class NameMissing(Conflict):
    """A consent always carries who the person is."""

    detail = "Say what your name is (PUT /v1/me) before sharing."


class NotAnswerable(Conflict):
    """A request that is no longer waiting for an answer."""

    detail = "This request is not waiting for an answer."


class PreviewChanged(Conflict):
    """What would be shared is no longer what was shown."""

    detail = "What would be shared is not what the preview showed. Look at a new preview."


class StandingRefusalStands(Conflict):
    """A consent to a unit that the candidate has refused once and for all."""

    detail = "You have said that nothing is to go to this unit. Lift that first."


class WrongState(Conflict):
    """A step that the present state does not allow."""

    detail = "The present state does not allow this step."


class PreconditionFailed(ServiceError):
    """Somebody wrote in between."""

    detail = "There is a newer version. Load it, and make the change there."


class PreconditionRequired(ServiceError):
    """The call must say which version it was based on."""

    detail = 'Send If-Match with the version that you changed, such as If-Match: "2".'


class TooLarge(ServiceError):
    """More bytes than the service takes."""

    detail = "The call is larger than the service takes."


class UnsupportedMediaType(ServiceError):
    """A body of another kind than the call takes."""

    detail = "The body must be application/json."


@dataclass(frozen=True)
class Violation:
    """What is wrong and where: a JSON pointer (RFC 6901) and a sentence that does not repeat the value."""

    pointer: str
    detail: str


class Invalid(ServiceError):
    """Readable, but not acceptable."""

    detail = "The content is not acceptable; see errors."

    def __init__(self, detail: str | None = None, violations: tuple[Violation, ...] = ()) -> None:
        """Say what is wrong (``detail``) and where (``violations``)."""
        super().__init__(detail)
        self.violations = violations


class IdempotencyKeyReused(Invalid):
    """The same key with another content."""

    detail = "This Idempotency-Key was used with another content or call. Use a new key."


class TooManyRequests(ServiceError):
    """A limit was met; ``retry_after`` is in whole seconds."""

    detail = "Too many calls. Wait a little, and try again."

    def __init__(self, retry_after: int, detail: str | None = None) -> None:
        """Ask the caller to wait ``retry_after`` seconds."""
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(ServiceError):
    """A part that is needed is down. Nothing was done; the call can be repeated as it was."""

    detail = "The service can't do this just now. Nothing was changed. Try again in a moment."


class KeyProviderDown(Unavailable):
    """Keys can't be had, so nothing can be opened or sealed."""


class LoginUnavailable(Unavailable):
    """The identity provider does not answer."""

    detail = "Logging in does not work just now. Try again in a moment."


class Tampered(Unavailable):
    """Something stored is not as the service wrote it. Nothing is decided on it, and nothing is overwritten."""

    detail = "Something stored about this is not as we wrote it, so nothing was done. We have been alarmed."


class StorageUnavailable(Unavailable):
    """The database is busy, full or down."""


class OutcomeUnknown(StorageUnavailable):
    """The database was lost while it committed, or after it, while the answer was read."""

    detail = (
        "It may have been done. Look before you ask for it again; a call with an Idempotency-Key may be repeated"
        " with the same key."
    )


@contextmanager
def after_the_commit() -> Iterator[None]:
    """For what is read for an answer once all is done: where it can't be had, nobody hears that nothing was done."""
    try:
        yield
    except Unavailable as lost:
        raise OutcomeUnknown from lost
