"""Preview: exactly what the recipient would get, and its hash. The one module here that opens for the candidate."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from consent_service.consents.content import compose
from consent_service.consents.purposes import IDENTITY, PDF, Purpose
from consent_service.consents.recipients import Recipient
from consent_service.consents.requests import message_ref
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import SealKey
from consent_service.errors import Invalid, NameMissing, Violation
from consent_service.persons.lookup import Person, find_persons
from consent_service.storage.engine import Row, Snapshot
from consent_service.vault.candidate import open_parts, open_rows, read_parts
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import SealedPart, refs

MAX_PARTS = 100


@dataclass(frozen=True)
class Choice:
    """What the candidate would share: with whom, why, which parts, until when (an instant), how often."""

    purpose: Purpose
    recipient: Recipient
    parts: tuple[PartRef, ...]
    valid_until: int
    max_uses: int | None = None


@dataclass(frozen=True)
class Preview:
    """The bytes that a release would hand out, and their hash.

    ``parts`` are what they are of, the person's among them; each has its data key at hand, so that it can be shared.
    """

    content: bytes = field(repr=False)
    parts: tuple[SealedPart, ...]
    sha256: str
    person: bytes = field(repr=False)


@dataclass(frozen=True)
class Material:
    """What previews of several choices are composed of, as it is stored."""

    persons: Mapping[str, Person]
    parts: Mapping[PartRef, Row] = field(repr=False)


async def preview(view: Snapshot, key: CandidateKey, log_key: SealKey, choice: Choice) -> Preview:
    """Compose what ``choice`` would share.

    Raises Invalid if the purpose does not admit it, NameMissing before the person has said her name, NotAvailable
    for parts that are not hers or do not exist, Tampered if nobody can tell who she is.
    """
    return show(await gather(view, log_key, [(key, choice)]), key, choice)


async def gather(view: Snapshot, log_key: SealKey, choices: Sequence[tuple[CandidateKey, Choice]]) -> Material:
    """Read what is there of ``choices``, each with its candidate's key."""
    persons = await find_persons(view, log_key, [key.candidate_id for key, _ in choices])
    wanted = {ref for _, choice in choices for ref in choice.parts} | {
        person.ref for person in persons.values() if person.version is not None
    }
    return Material(persons, await read_parts(view, wanted))


def show(material: Material, key: CandidateKey, choice: Choice) -> Preview:
    """Compose what ``choice`` would share of what was gathered. Raises as ``preview``."""
    _check(choice)
    person = material.persons.get(key.candidate_id)
    if person is None or not person.named:
        raise NameMissing
    opened = open_rows(key, sorted({*choice.parts, person.ref}), material.parts)
    contents = {part.ref: _shown(part.ref, content) for part, content in opened}
    content = compose(
        purpose=choice.purpose.code,
        purpose_version=choice.purpose.version,
        recipient_id=choice.recipient.id,
        recipient_name=choice.recipient.name,
        valid_until=choice.valid_until,
        parts=contents,
    )
    parts = tuple(part for part, _ in opened)
    return Preview(content, parts, sha256(content).hexdigest(), contents[person.ref])


def _shown(ref: PartRef, content: bytes) -> bytes:
    """What stands in the document for a part: its own bytes, or the name by which a file can be told from any other."""
    if ref.kind != PDF:
        return content
    return canonical({"media_type": "application/pdf", "sha256": sha256(content).hexdigest()})


async def words_of_asker(view: Snapshot, key: CandidateKey, consent_id: str) -> str | None:
    """What the asker wrote to the candidate with a request, or None where nothing was written."""
    ref = message_ref(key.candidate_id, consent_id)
    if ref not in await refs(view, key.candidate_id, ref.resource, ref.resource_id, ref.version):
        return None
    words: str = json.loads((await open_parts(view, key, [ref]))[ref])["text"]
    return words


def _check(choice: Choice) -> None:
    violations: list[Violation] = []
    recipient = choice.recipient
    if not (recipient.enabled and choice.purpose.admits_recipient(recipient.kind)):
        violations.append(Violation("/recipient_id", "This unit can't receive for this purpose."))
    violations += _check_parts(choice.purpose, choice.parts)
    if choice.max_uses is not None and not 1 <= choice.max_uses <= 10_000:
        violations.append(Violation("/max_uses", "Between 1 and 10000, or left out."))
    if violations:
        raise Invalid(violations=tuple(violations))


def _check_parts(purpose: Purpose, parts: Sequence[PartRef]) -> list[Violation]:
    if not 1 <= len(parts) <= MAX_PARTS:
        return [Violation("/parts", f"Choose between 1 and {MAX_PARTS} parts.")]
    return [
        Violation(f"/parts/{index}", "This purpose does not admit this kind of part.")
        for index, ref in enumerate(parts)
        if not purpose.admits_kind(ref.kind) or ref.kind == IDENTITY
    ]
