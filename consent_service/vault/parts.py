"""What a part is called. A part is the smallest thing that is sealed, shared and destroyed on its own."""

from typing import NamedTuple

from consent_service.crypto.envelope import aad

FORMAT = "1"
_CONTENT = aad(FORMAT, "part")
_KEY = aad(FORMAT, "data key")
_SHARE = aad(FORMAT, "share")


class PartRef(NamedTuple):
    """One part of one version of one resource of one candidate. All of it is immutable, and all of it is in the AAD.

    ``resource``: person, note, note_draft, mapping_request, plan or consent. ``part`` may carry an id of its own
    after a colon (``question_nav:q1``).
    """

    candidate_id: str
    resource: str
    resource_id: str
    version: int
    part: str

    @property
    def kind(self) -> str:
        """What purposes speak of: ``note.interests``, ``note.question_nav``."""
        return f"{self.resource}.{self.part.partition(':')[0]}"

    def place(self) -> bytes:
        """The reference as it is authenticated: its fields in their order, each with its length before it."""
        return aad(self.candidate_id, self.resource, self.resource_id, str(self.version), self.part)

    def content_aad(self, place: bytes | None = None) -> bytes:
        """Binds a part's content to its place. Who has ``self.place()`` at hand may give it."""
        return _CONTENT + (place or self.place())

    def key_aad(self) -> bytes:
        """Binds a part's data key, wrapped for its owner, to its place."""
        return _KEY + self.place()


class Version(NamedTuple):
    """One version of one resource of one candidate: all of its parts."""

    candidate_id: str
    resource: str
    resource_id: str
    version: int


class ShareTerms(NamedTuple):
    """What a share is bound to beside its part: the consent, the recipient, why and until when."""

    consent_id: str
    recipient_id: str
    purpose: str
    valid_until: int

    def binding(self) -> bytes:
        """The terms as they are authenticated."""
        return aad(self.consent_id, self.recipient_id, self.purpose, str(self.valid_until))

    def aad(self, ref: PartRef) -> bytes:
        """Binds a data key, wrapped for a recipient, to its part and to these terms."""
        return share_aad(ref.place(), self.binding())


def share_aad(place: bytes, binding: bytes) -> bytes:
    """``ShareTerms.aad``, for who has the two at hand."""
    return _SHARE + place + binding
