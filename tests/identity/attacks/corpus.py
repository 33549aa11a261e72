"""Every attack there is here: forged, confused and malformed tokens, each with the door it is shown at."""

from __future__ import annotations

from tests.identity.attacks.claim_tables import EVERYBODYS, NOBODYS, OF_IDPORTEN, OF_TOKENX, UNITS
from tests.identity.attacks.ground import EXCHANGED, PERSON, UNIT, Attack, on_each_kind, with_claims
from tests.identity.attacks.headers import ALGORITHMS, KEYS, READING
from tests.identity.attacks.json_texts import HEADERS, PAYLOADS
from tests.identity.attacks.mixups import ISSUERS, MIXUPS
from tests.identity.attacks.sizes import SIZES
from tests.identity.attacks.spelling import SPELLINGS

TABLES: dict[str, list[Attack]] = {
    "spellings": on_each_kind(SPELLINGS),
    "algorithms": on_each_kind(ALGORITHMS),
    "keys": on_each_kind(KEYS),
    "how to read": on_each_kind(READING),
    "JSON of headers": on_each_kind(HEADERS),
    "JSON of claims": on_each_kind(PAYLOADS),
    "issuers": on_each_kind(ISSUERS),
    "sizes": on_each_kind(SIZES),
    "claims of Maskinporten": with_claims(UNIT, EVERYBODYS | UNITS),
    "claims of ID-porten": with_claims(PERSON, EVERYBODYS | OF_IDPORTEN),
    "claims of TokenX": with_claims(EXCHANGED, EVERYBODYS | OF_TOKENX),
    "mix-ups": MIXUPS,
}

CORPUS: tuple[Attack, ...] = tuple(attack for table in TABLES.values() for attack in table)

AT_THE_DOOR: tuple[Attack, ...] = (*with_claims(PERSON, NOBODYS), *with_claims(EXCHANGED, NOBODYS))
"""What the validator lets pass, since it does not know what a person's number is, and the door does not."""
