"""What the candidates' answers look like; see ``shapes``."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from consent_service.api.shapes import AnyConsent, DeliveryShape, PartShape, Time, UnitShape, Uuid


class MailboxShape(BaseModel):
    """The mailbox, as the recipient of a letter that the candidate has sent to herself."""

    kind: Literal["mailbox"]
    name: str
    organisation_number: str


class Consent(AnyConsent):
    """A consent as the candidate sees it.

    ``state`` reads ``unavailable`` for one whose record was changed by somebody else than the service: nothing is let
    out under it, she can take it back, and ``purpose``, ``recipient`` and ``requested_at`` are null. ``successor`` is
    who took over from a recipient that was closed: it has nothing of what was shared, unless she grants it anew.
    """

    recipient: UnitShape | MailboxShape | None  # type: ignore[assignment]  # units never see the mailbox's
    parts: list[PartShape]
    successor: UnitShape | None


class ConsentPage(BaseModel):
    """A page of the candidate's consents."""

    items: list[Consent]
    next: str | None


class Me(BaseModel):
    """What the candidate is called."""

    name: str | None


class NoteShape(BaseModel):
    """One version of a note."""

    id: Uuid
    version: int
    created_at: Time
    language: str
    sections: dict[str, str]
    questions: list[dict[str, str]]


class NoteLine(BaseModel):
    """A note in a list: what it has, not what it says."""

    id: Uuid
    version: int
    created_at: Time
    language: str
    sections: list[str]
    questions: int


class NotePage(BaseModel):
    """A page of notes."""

    items: list[NoteLine]
    next: str | None


class DraftShape(BaseModel):
    """A claimed draft. ``handed_over_by`` is null for a unit whose registration somebody else has changed, and
    ``language`` for a draft that can't be read.
    """

    id: Uuid
    handed_over_by: UnitShape | None
    handed_over_at: Time
    language: str | None
    sections: dict[str, str]
    questions: list[dict[str, str]]


class DraftPage(BaseModel):
    """The claimed drafts that are not notes yet."""

    items: list[DraftShape]
    next: str | None


class PreviewShape(BaseModel):
    """Exactly what the recipient would get, and its SHA-256."""

    content: dict[str, Any]
    sha256: str
    valid_until: Time


class LetterOut(BaseModel):
    """A letter that had left before the revoke."""

    plan_id: Uuid
    version: int
    status: str
    dispatched_at: Time


class Revoked(BaseModel):
    """The ended consent, and what could not be called back."""

    consent: Consent
    letters_already_out: list[LetterOut]


class PartWithContent(PartShape):
    """A part and what it says."""

    content: dict[str, Any]


class MappingMessage(BaseModel):
    """Fagopplæring's words while the work went on."""

    state: str
    at: Time
    text: str


class MyMapping(BaseModel):
    """A mapping request that concerns the candidate. ``requester`` is null when she asked herself.

    One that somebody else has changed is ``unavailable``, and says nothing but its id.
    """

    id: Uuid
    consent_id: Uuid
    state: str
    requester: UnitShape | None
    recipient: UnitShape | None
    created_at: Time | None
    reply_by: Time | None
    changed_at: Time | None
    plan_id: Uuid | None
    parts: list[PartWithContent]
    messages: list[MappingMessage]


class MyMappingPage(BaseModel):
    """The candidate's mapping requests."""

    items: list[MyMapping]
    next: str | None


class MyPlanLine(BaseModel):
    """A tentative plan, without its content. ``unit`` is null for one whose registration somebody else has changed.

    ``replaced_at`` is when the version before it came; ``correction``: it came after the consent had ended.
    """

    id: Uuid
    version: int
    mapping_request_id: Uuid
    consent_id: Uuid
    unit: UnitShape | None
    created_at: Time
    replaced_at: Time | None
    correction: bool
    tentative: Literal[True]
    delivery: DeliveryShape | None


class MyPostalAddress(BaseModel):
    """Where fagopplæring said that a letter may go on paper."""

    name: str
    lines: list[str]
    postal_code: str
    city: str


class MyPlan(MyPlanLine):
    """A tentative plan in full.

    ``can_be_sent``: her revoke stopped its letter, and she may have it sent to her anyway (``…/sending``).
    ``postal_address`` is the one that came with it, for a letter on paper.
    """

    can_be_sent: bool
    postal_address: MyPostalAddress | None
    content: dict[str, Any]


class MyPlanPage(BaseModel):
    """The candidate's plans."""

    items: list[MyPlanLine]
    next: str | None


class AccessLine(BaseModel):
    """One entry of the candidate's log. ``unit`` and ``purpose`` are names; ``office`` is as the unit said it.

    ``supplier`` is the organisation number of who fetched on the unit's behalf, if somebody did.
    """

    at: Time
    event: str
    actor: str
    unit: str | None
    office: str | None
    supplier: str | None
    purpose: str | None
    outcome: str | None
    consent_id: str | None
    position: int
    hash: str


class AccessLog(BaseModel):
    """A page of the log, newest first."""

    items: list[AccessLine]
    next: str | None


class Export(BaseModel):
    """Everything that is held about the candidate."""

    format: int
    exported_at: Time
    parts: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    access_log: list[dict[str, Any]]
    verification: dict[str, Any] = Field(
        description="A program that checks the log, its details and the receipts without the service, and its proofs."
    )


class Erased(BaseModel):
    """What was destroyed, and the service's signature on it."""

    statement: dict[str, Any]
    jws: str
