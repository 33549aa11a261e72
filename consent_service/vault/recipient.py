"""Opening for a recipient: with shares, and nothing else. ``consents.gate`` alone imports this."""

from collections.abc import Callable, Iterable, Sequence

from consent_service.crypto.envelope import open_sealed
from consent_service.storage.engine import Row, Snapshot
from consent_service.vault import _store
from consent_service.vault.keys import RecipientKey
from consent_service.vault.parts import PartRef, ShareTerms, share_aad


async def read_shares(
    view: Snapshot, consent_ids: Sequence[str], recipient_ids: Sequence[str]
) -> dict[tuple[str, str], list[Row]]:
    """The recipients' shares under the consents, by (consent id, recipient id), with the sealed parts they open."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in await _store.shared(view, consent_ids, recipient_ids):
        found.setdefault((row["consent_id"], row["recipient_id"]), []).append(row)
    return found


def open_shares(
    key: RecipientKey, terms: ShareTerms, shares: Iterable[Row], *, only: Callable[[PartRef], bool] | None = None
) -> dict[PartRef, bytes]:
    """What the shares open; of those alone that ``only`` admits.

    Raises SealBroken if any was made for another part, consent, recipient, purpose or end.
    """
    opened = {}
    binding = terms.binding()
    for row in shares:
        ref = _store.ref_of(row)
        if only is not None and not only(ref):
            continue
        place = ref.place()
        data_key = open_sealed(key.secret, row["wrapped_key"], share_aad(place, binding))
        opened[ref] = open_sealed(data_key, row["sealed"], ref.content_aad(place))
    return opened
