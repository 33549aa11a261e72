"""Letters on paper: whose may be printed, and where the address stands that was given with a plan.

The rule: an address is a part of its plan, sealed and shared like the letter itself, so that the gate alone lets it out
and nobody looks one up. A letter goes on paper only right after the mailbox said that its reader has no account there.
"""

from dataclasses import asdict, dataclass

import orjson

from consent_service.crypto.canonical import canonical
from consent_service.mailbox.port import Paper, PostalAddress
from consent_service.vault.parts import PartRef

ADDRESS = "plan.address"
"""The kind of these parts. No purpose admits it: no unit gets one back."""

PRINTED = "printed"
"""What the history notes of a letter that was delivered to be printed and posted."""

NOT_PRINTED = "not_printed"
"""What follows a delivery to be printed if the mailbox says later that it could not be: she has not got it."""


@dataclass(frozen=True)
class Printing:
    """Whose letters may be printed, and where they come back to if nobody is found: both one and the same sender's."""

    organisation: str
    back_to: PostalAddress

    def paper(self, address: bytes) -> Paper:
        """What the mailbox is told, to print a letter for the ``address`` that the gate let out."""
        return Paper(address_from(address), self.back_to)


def address_ref(candidate_id: str, plan_id: str, plan_version: int) -> PartRef:
    """What the address that came with a plan's version is called in the vault."""
    resource, part = ADDRESS.split(".")
    return PartRef(candidate_id, resource, plan_id, plan_version, part)


def address_part(address: PostalAddress) -> bytes:
    """``address`` as the content of its part."""
    return canonical(asdict(address) | {"lines": list(address.lines)})


def address_from(content: bytes) -> PostalAddress:
    """The address whose part this is."""
    told = orjson.loads(content)
    return PostalAddress(told["name"], tuple(told["lines"]), told["postal_code"], told["city"])
