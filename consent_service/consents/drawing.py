"""Drawing up a yes: all that is found out and decided about it under the lock, before anything of it is written.

The yes names the hash of the preview. What is shared is composed anew of what is there now; if it is no longer those
bytes, nothing is drawn up.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from consent_service.audit.log import Head, steps_of
from consent_service.clock import DAY
from consent_service.consents._store import Stored
from consent_service.consents.desk import Desk
from consent_service.consents.preview import Choice, Material, Preview, gather, show
from consent_service.consents.purposes import Language
from consent_service.consents.recipients import THE_MAILBOX
from consent_service.consents.standing_refusals import by_words
from consent_service.consents.terms import SALT_BYTES, RecipientTerms, Terms, commit
from consent_service.errors import Invalid, PreviewChanged, StandingRefusalStands, Tampered, Violation
from consent_service.identity.units import Unit, held_enabled
from consent_service.storage.engine import Transaction
from consent_service.vault.keys import CandidateKey, RecipientKey


@dataclass(frozen=True)
class Keyring:
    """Whose keys a grant works with: the owner's, the recipient's, and the mailbox's. Had before the transaction."""

    owner: CandidateKey
    recipient: RecipientKey
    mailbox: RecipientKey


@dataclass(frozen=True)
class Yes:
    """A candidate's yes to a choice that she was shown: by the hash of its preview, in which language."""

    keyring: Keyring
    choice: Choice
    preview_sha256: str
    language: Language

    @property
    def candidate_id(self) -> str:
        """Whose it is."""
        return self.keyring.owner.candidate_id


@dataclass(frozen=True)
class Basis:
    """What yeses are judged by: all of it read under the locks, for several at once. ``units`` are enabled."""

    units: Mapping[str, Unit]
    refusals: Mapping[str, Mapping[str, int] | None]
    material: Material = field(repr=False)


@dataclass(frozen=True)
class Drawn:
    """A yes drawn up: the consent as it stands before it, its terms, and the preview with the parts to be shared."""

    head: Head
    before: Stored
    yes: Yes
    terms: Terms
    preview: Preview = field(repr=False)
    salt: bytes = field(repr=False)


async def read(tx: Transaction, desk: Desk, yeses: Sequence[tuple[Head, Yes]]) -> Basis:
    """Read all that ``yeses`` are judged by, each beside its candidate's head, which is locked."""
    words = {head.chain_id: steps_of(desk.keys.log, head) for head, _ in yeses}
    return Basis(
        units=await held_enabled(tx, desk.keys, sorted({yes.choice.recipient.id for _, yes in yeses})),
        refusals=await by_words(tx, desk.keys, words),
        material=await gather(tx, desk.keys.log, [(yes.keyring.owner, yes.choice) for _, yes in yeses]),
    )


def draw_up(basis: Basis, head: Head, before: Stored, yes: Yes, *, at: int) -> Drawn:
    """``yes`` as it is about to be written; ``before`` is the consent as it stands until then.

    Raises Invalid, StandingRefusalStands, NameMissing, NotAvailable (see ``preview``), PreviewChanged if what would be
    shared is not what was shown, and Tampered if nobody can say whom the candidate refuses, or who she is.
    """
    choice = _admitted(basis, yes, at)
    shown = show(basis.material, yes.keyring.owner, choice)
    if shown.sha256 != yes.preview_sha256:
        raise PreviewChanged
    salt = os.urandom(SALT_BYTES)
    return Drawn(head, before, yes, _terms(before, choice, shown, salt, language=yes.language, at=at), shown, salt)


def _admitted(basis: Basis, yes: Yes, at: int) -> Choice:
    """What she chose, with its recipient as it is now, if she may share it now."""
    choice, refused = yes.choice, basis.refusals[yes.candidate_id]
    if refused is None:
        raise Tampered
    if {choice.recipient.id, str(choice.recipient.kind)} & refused.keys():
        raise StandingRefusalStands
    to_herself, longest = choice.recipient == THE_MAILBOX, choice.purpose.longest_days
    recipient = THE_MAILBOX if to_herself else basis.units.get(choice.recipient.id)
    if recipient is None:
        raise Invalid(violations=(Violation("/recipient_id", "This unit can't receive now."),))
    if not at < choice.valid_until <= at + (longest + 1) * DAY:
        raise Invalid(violations=(Violation("/valid_until", f"From today, and at most {longest} days ahead."),))
    return replace(choice, recipient=recipient)


def _terms(before: Stored, choice: Choice, shown: Preview, salt: bytes, *, language: Language, at: int) -> Terms:
    recipient = choice.recipient
    assert before.candidate_id is not None
    return Terms(
        consent_id=before.id,
        candidate_id=before.candidate_id,
        data_subject_id=str(uuid4()),
        recipient=RecipientTerms(recipient.id, str(recipient.kind), recipient.name, recipient.organisation_number),
        requester_id=before.requester_id,
        purpose=choice.purpose.code,
        purpose_version=choice.purpose.version,
        language=language,
        text_sha256=choice.purpose.text_sha256(language),
        parts=tuple(part.ref for part in shown.parts),
        valid_from=at,
        valid_until=choice.valid_until,
        max_uses=choice.max_uses,
        mapping_request_id=before.mapping_request_id,
        data_subject_commitment=commit(salt, _national_id(shown.person)),
        content_commitment=commit(salt, bytes.fromhex(shown.sha256)),
    )


def _national_id(person: bytes) -> bytes:
    """The identity number's eleven digits, out of the person's part."""
    number: str = json.loads(person)["national_id"]
    return number.encode()
