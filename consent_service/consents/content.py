"""What a recipient gets: one JSON document, the same bytes in the preview and in every release.

It is put together from the parts' own canonical bytes, which are never parsed on the way, so that what was shown,
hashed, granted and released can be compared as bytes. The result is canonical JSON (RFC 8785) as a whole: the keys
stand in their order.
"""

from collections.abc import Mapping

from consent_service.clock import rfc3339
from consent_service.consents.purposes import IDENTITY
from consent_service.crypto.canonical import canonical
from consent_service.vault.parts import PartRef


def compose(
    *,
    purpose: str,
    purpose_version: int,
    recipient_id: str,
    recipient_name: str,
    valid_until: int,
    parts: Mapping[PartRef, bytes],
) -> bytes:
    """The document. ``parts`` must hold the person's part, which says whom everything else is about."""
    about = next(ref for ref in parts if ref.kind == IDENTITY)
    others = b",".join(
        [b'{"content":' + parts[ref] + b"," + canonical(_place(ref))[1:] for ref in sorted(parts) if ref != about]
    )
    rest = canonical(
        {
            "purpose": {"code": purpose, "version": purpose_version},
            "recipient": {"id": recipient_id, "name": recipient_name},
            "valid_until": rfc3339(valid_until),
        }
    )
    return b'{"parts":[' + others + b'],"person":' + parts[about] + b"," + rest[1:]


def _place(ref: PartRef) -> dict[str, object]:
    return {"part": ref.part, "resource": ref.resource, "resource_id": ref.resource_id, "version": ref.version}
