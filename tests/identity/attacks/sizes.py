"""Tokens that would take long to read: refused by their length, before anybody reads them."""

from __future__ import annotations

import json

from tests.identity.attacks.ground import Forge
from tests.identity.attacks.headers import headed
from tests.identity.attacks.json_texts import raw_payload
from tests.identity.attacks.spelling import respelt


def _longer_by(claim: int) -> Forge:
    return lambda kind, ground: kind.key.jwt(kind.claims(ground, more="x" * claim))


SIZES: dict[str, Forge] = {
    "a claim of 6,200 letters": _longer_by(6_200),
    "a claim of 20,000 letters": _longer_by(20_000),
    "a header of 6,200 letters": headed(more="x" * 6_200),
    "a header with 200 certificates": headed(x5c=["A" * 60] * 200),
    "a scope of 2,000 elements": lambda kind, ground: kind.key.jwt(
        kind.claims(ground, scope=" ".join(f"scope:{number}" for number in range(2_000)))
    ),
    "an aud of 800 elements": lambda kind, ground: kind.key.jwt(
        kind.claims(ground, aud=[f"https://{number}.example" for number in range(800)])
    ),
    "1,500 claims": lambda kind, ground: kind.key.jwt(
        kind.claims(ground) | {f"c{number}": number for number in range(1_500)}
    ),
    "claims after 7,000 spaces": raw_payload(lambda raw: b" " * 7_000 + raw),
    "a signature of 12,000 letters": respelt(lambda h, p, s: f"{h}.{p}.{s * 35}"),
    "a header of 20,000 letters alone": respelt(lambda h, p, s: "A" * 20_000),
    "names that might collide": raw_payload(
        lambda raw: json.dumps(dict.fromkeys((str(2**61 * n) for n in range(700)), 0)).encode()
    ),
}
