"""What the answers look like, for the OpenAPI document and for those who check answers against it.

The routes build their answers as plain JSON; these classes describe them. A test holds one against the other.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-21T20:55:31Z"])]
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class UnitShape(BaseModel):
    """A party."""

    id: Uuid
    name: str
    kind: Literal["career_centre", "nav", "vocational_training"]
    organisation_number: str
    unit_code: str
    region: str


class PurposeName(BaseModel):
    """Which purpose, in which version."""

    code: str
    version: int
    title: str


class ConsentMeta(BaseModel):
    """A consent without its parts.

    To the unit that asked, ``state`` reads ``requested`` until the reply-by date whatever the candidate did but
    grant, and ``not_granted`` from then on.
    """

    id: Uuid
    purpose: PurposeName
    recipient: UnitShape
    requester: UnitShape | None
    state: str
    requested_kinds: list[str]
    valid_from: Time | None
    valid_until: Time | None
    max_uses: int | None
    uses_left: int | None
    reply_by: Time | None
    requested_at: Time
    granted_at: Time | None
    ended_at: Time | None
    mapping_request_id: Uuid | None


class PartShape(BaseModel):
    """One part of one version of one resource."""

    resource: str
    resource_id: Uuid
    version: int
    part: str


class Consent(ConsentMeta):
    """A consent as the candidate sees it."""

    parts: list[PartShape]


class ConsentPage(BaseModel):
    """A page of the candidate's consents."""

    items: list[Consent]
    next: str | None


class ConsentMetaPage(BaseModel):
    """A page of the consents that name a unit."""

    items: list[ConsentMeta]
    next: str | None


class ConsentsFound(BaseModel):
    """The caller's own consents in force for one person."""

    items: list[ConsentMeta]


class Receipt(BaseModel):
    """A signed receipt: the compact JWS (ES256), and its payload for reading."""

    jws: str
    receipt: dict[str, Any]


class DraftHandedOver(BaseModel):
    """The only time that the code can be read."""

    id: Uuid
    code: str = Field(examples=["K7Q2-M9XR-4WT8-HZ3N"])
    claim_url: str
    lapses_at: Time


class Release(BaseModel):
    """What the consent lets the recipient have, with the salt (hex) that proves the receipt's commitments."""

    release_id: Uuid
    consent_id: Uuid
    released_at: Time
    content_sha256: str
    salt: str
    content: dict[str, Any]


class ConsentAsked(BaseModel):
    """A request for consent, as accepted."""

    id: Uuid
    state: Literal["requested"]
    reply_by: Time


class Event(BaseModel):
    """One line of a unit's feed."""

    number: int
    type: str
    consent_id: Uuid | None
    mapping_request_id: Uuid | None
    plan_id: Uuid | None
    state: str
    at: Time


class EventPage(BaseModel):
    """Events in the order of their numbers."""

    items: list[Event]
    next: str | None


class Consistency(BaseModel):
    """The proof (RFC 9162) that the older log is a beginning of the newer: hashes in base64."""

    proof: list[str]


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
    """A claimed draft."""

    id: Uuid
    handed_over_by: UnitShape
    handed_over_at: Time
    language: str
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


class MappingAsked(BaseModel):
    """A mapping request, as accepted; its words wait for the candidate's yes."""

    id: Uuid
    consent_id: Uuid
    state: Literal["waiting"]
    reply_by: Time


class MappingState(BaseModel):
    """A mapping request as its two units see it."""

    id: Uuid
    consent_id: Uuid
    state: str
    requester_id: Uuid | None
    recipient_id: Uuid
    created_at: Time
    reply_by: Time
    changed_at: Time


class MappingPage(BaseModel):
    """A page of mapping requests."""

    items: list[MappingState]
    next: str | None


class DeliveryStep(BaseModel):
    """One step of a letter's way."""

    status: str
    at: Time


class DeliveryShape(BaseModel):
    """Where a letter is: accepted, dispatched, delivered, undeliverable, cancelled or failed."""

    status: str
    history: list[DeliveryStep]


class PlanPushed(BaseModel):
    """A plan, as accepted."""

    id: Uuid
    version: int
    delivery: DeliveryShape


class PlanState(PlanPushed):
    """A plan's newest version, as its sender sees it."""

    consent_id: Uuid


class PartWithContent(PartShape):
    """A part and what it says."""

    content: dict[str, Any]


class MappingMessage(BaseModel):
    """Fagopplæring's words while the work went on."""

    state: str
    at: Time
    text: str


class MyMapping(BaseModel):
    """A mapping request that concerns the candidate. ``requester`` is null when she asked herself."""

    id: Uuid
    consent_id: Uuid
    state: str
    requester: UnitShape | None
    recipient: UnitShape
    created_at: Time
    reply_by: Time
    changed_at: Time
    plan_id: Uuid | None
    parts: list[PartWithContent]
    messages: list[MappingMessage]


class MyMappingPage(BaseModel):
    """The candidate's mapping requests."""

    items: list[MyMapping]
    next: str | None


class MyPlanLine(BaseModel):
    """A tentative plan, without its content."""

    id: Uuid
    version: int
    mapping_request_id: Uuid
    consent_id: Uuid
    unit: UnitShape
    created_at: Time
    tentative: Literal[True]
    delivery: DeliveryShape | None


class MyPlan(MyPlanLine):
    """A tentative plan in full."""

    content: dict[str, Any]


class MyPlanPage(BaseModel):
    """The candidate's plans."""

    items: list[MyPlanLine]
    next: str | None


class AccessLine(BaseModel):
    """One entry of the candidate's log. ``unit`` and ``purpose`` are names; ``office`` is as the unit said it."""

    at: Time
    event: str
    actor: str
    unit: str | None
    office: str | None
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


class Erased(BaseModel):
    """What was destroyed, and the service's signature on it."""

    statement: dict[str, Any]
    jws: str
