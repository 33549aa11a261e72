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


class AnyConsent(BaseModel):
    """What the views of a consent have in common."""

    id: Uuid
    purpose: PurposeName | None
    recipient: UnitShape | None
    requester: UnitShape | None
    state: str
    requested_kinds: list[str]
    valid_from: Time | None
    valid_until: Time | None
    max_uses: int | None
    uses_left: int | None
    reply_by: Time | None
    requested_at: Time | None
    granted_at: Time | None
    ended_at: Time | None
    mapping_request_id: Uuid | None


class ConsentMeta(AnyConsent):
    """A consent without its parts.

    To the unit that asked, ``state`` reads ``requested`` until the reply-by date whatever the candidate did but
    grant, and ``not_granted`` from then on.
    """

    purpose: PurposeName
    recipient: UnitShape
    requested_at: Time


class PartShape(BaseModel):
    """One part of one version of one resource."""

    resource: str
    resource_id: Uuid
    version: int
    part: str


class ConsentMetaPage(BaseModel):
    """A page of the consents that name a unit."""

    items: list[ConsentMeta]
    next: str | None


class ConsentsFound(BaseModel):
    """The caller's own consents in force for one person."""

    items: list[ConsentMeta]


class Inclusion(BaseModel):
    """The proof (RFC 9162, 2.1.3) that a leaf is under a signed head: hashes in base64, the head in C2SP text form."""

    leaf_index: int
    size: int
    path: list[str]
    checkpoint: str


class Receipt(BaseModel):
    """A signed receipt: the compact JWS (ES256), its payload for reading, and its place in the log.

    ``inclusion`` is null until the log's head is signed the next time. The leaf is SHA-256(0x00, entry), which the
    receipt names as ``evidence.entry_hash``.
    """

    jws: str
    receipt: dict[str, Any]
    inclusion: Inclusion | None


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


class InclusionPath(BaseModel):
    """The proof (RFC 9162) that the leaf is in the log of this size: hashes in base64."""

    proof: list[str]


class Consistency(BaseModel):
    """The proof (RFC 9162) that the older log is a beginning of the newer: hashes in base64."""

    proof: list[str]


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
    """Where a letter is: accepted, dispatched, delivered, undeliverable, cancelled or failed; or not_printed, where
    Digipost took it to be printed, and then could not.

    To the candidate, and to nobody else, it is opened once she has opened it. ``delivered_at`` is when the mailbox
    confirmed that it has it: times that are counted from the plan begin then. ``channel`` says which way it was
    delivered: on ``paper`` it was taken to be printed and posted.
    """

    status: str
    channel: Literal["digipost", "paper"] | None
    delivered_at: Time | None
    history: list[DeliveryStep]


class SendersDelivery(DeliveryShape):
    """The same to who pushed the plan. ``advice`` is what to do about a letter that could not be delivered."""

    advice: str | None


class PlanPushed(BaseModel):
    """A plan, as accepted. ``delivery`` is null for a correction that goes to the candidate's pages alone."""

    id: Uuid
    version: int
    delivery: SendersDelivery | None


class PlanState(PlanPushed):
    """A plan's newest version, as its sender sees it."""

    consent_id: Uuid
