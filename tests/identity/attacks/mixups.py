"""Good tokens in the wrong place: of one issuer under another's name, of one kind at the other's door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.identity.attacks.ground import KINDS, OUT, Attack, Forge, Ground, Kind
from tests.support.issuers import key


def _named(change: Callable[[str], Any]) -> Forge:
    """A good token whose issuer is spelt otherwise."""
    return lambda kind, ground: kind.key.jwt(kind.claims(ground, iss=change(str(kind.claims(ground)["iss"]))))


ISSUERS: dict[str, Forge] = {
    "iss with its slash changed": _named(lambda iss: iss.rstrip("/") if iss.endswith("/") else f"{iss}/"),
    "iss with another slash": _named(lambda iss: f"{iss}//"),
    "iss with a space": _named(lambda iss: f"{iss} "),
    "iss with a newline": _named(lambda iss: f"{iss}\n"),
    "iss in capitals": _named(lambda iss: iss.upper()),
    "iss percent-encoded": _named(lambda iss: iss.replace(":", "%3A")),
    "iss with a fragment": _named(lambda iss: f"{iss}#"),
    "iss with a query": _named(lambda iss: f"{iss}?"),
    "iss with somebody else's host": _named(lambda iss: iss.replace("://", "://evil.example@")),
    "iss and more": _named(lambda iss: f"{iss}.evil.example"),
    "iss with a letter that looks alike": _named(lambda iss: iss.replace("t", "\u0442", 1)),
    "iss with a null byte": _named(lambda iss: f"{iss}\x00"),
    "iss list": _named(lambda iss: [iss]),
    "iss dict": _named(lambda iss: {"is": iss}),
    "iss null": _named(lambda iss: None),
    "iss number": _named(lambda iss: 1),
    "iss true": _named(lambda iss: True),
    "iss empty": _named(lambda iss: ""),
    "iss missing": _named(lambda iss: OUT),
    "iss of nobody": _named(lambda iss: "https://evil.example"),
    "iss of Entra ID": _named(lambda iss: "https://login.microsoftonline.com/common/v2.0"),
    "iss of the real test Maskinporten": _named(lambda iss: "https://test.maskinporten.no/"),
    "iss of the real test ID-porten": _named(lambda iss: "https://test.idporten.no"),
    "iss of ourselves": lambda kind, ground: kind.key.jwt(kind.claims(ground, iss=ground.audience)),
}


def _other_door(kind: Kind) -> str:
    return "me" if kind.door == "units" else "units"


def _under_the_name_of(other: Kind) -> Forge:
    """Signed by its own issuer, and named after another one, in its claims or also in its kid."""
    return lambda kind, ground: kind.key.jwt(kind.claims(ground, iss=other.claims(ground)["iss"]))


def _with_the_kid_of(other: Kind) -> Forge:
    return lambda kind, ground: kind.key.jwt(
        kind.claims(ground, iss=other.claims(ground)["iss"]), header={"alg": "RS256", "kid": other.signer}
    )


def _claims_of(other: Kind) -> Forge:
    """Claims of another kind, under this kind's name and key."""
    return lambda kind, ground: kind.key.jwt({**other.claims(ground), "iss": kind.claims(ground)["iss"]})


def _mixed() -> list[Attack]:
    attacks = []
    for kind in KINDS:
        for other in KINDS:
            if other is kind:
                continue
            forgeries = {
                f"named after {other.name}": _under_the_name_of(other),
                f"named after {other.name}, with its kid": _with_the_kid_of(other),
                f"with {other.name}'s claims": _claims_of(other),
            }
            attacks += [
                Attack(f"{kind.name}: {name}, at {door}", door, _bound(forge, kind))
                for name, forge in forgeries.items()
                for door in ("units", "me")
            ]
    return attacks


def _bound(forge: Forge, kind: Kind) -> Callable[[Ground], str]:
    return lambda ground: forge(kind, ground)


def _login(**changes: Any) -> Callable[[Ground], str]:
    return lambda ground: key("idporten").jwt(ground.login_claims(**changes))


LOGINS: dict[str, Callable[[Ground], str]] = {
    "an id_token": _login(),
    "an id_token without its nonce": _login(nonce=OUT),
    "an id_token for our audience": lambda ground: _login(aud=ground.audience)(ground),
    "an id_token for our audience without its nonce": lambda ground: _login(aud=ground.audience, nonce=OUT)(ground),
    "an id_token for both": lambda ground: _login(aud=[ground.our_client, ground.audience], nonce=OUT)(ground),
    "an id_token with a scope": lambda ground: _login(aud=ground.audience, scope="openid")(ground),
    "a logout token": lambda ground: key("idporten").jwt(
        ground.login_claims(
            nonce=OUT, pid=OUT, events={"http://schemas.openid.net/event/backchannel-logout": {}}, aud=ground.audience
        ),
        header={"alg": "RS256", "kid": "idporten", "typ": "logout+jwt"},
    ),
    "our own proof of who we are": lambda ground: key("ours").jwt(
        {
            "iss": ground.our_client,
            "sub": ground.our_client,
            "aud": ground.idporten,
            "jti": "0c1f",
            "iat": ground.now,
            "exp": ground.now + 60,
        }
    ),
    "a grant for Maskinporten": lambda ground: key("nav").jwt(
        {
            "iss": ground.client,
            "aud": ground.maskinporten,
            "scope": ground.scope,
            "jti": "0c1f",
            "iat": ground.now,
            "exp": ground.now + 100,
        }
    ),
    "a person's number in Maskinporten's token": lambda ground: key("maskinporten").jwt(
        ground.unit_claims(pid=ground.pid, acr="idporten-loa-high", aud=ground.audience)
    ),
}

MIXUPS: list[Attack] = [
    *(Attack(f"{kind.name}: at the other's door", _other_door(kind), kind.good) for kind in KINDS),
    *_mixed(),
    *(Attack(f"{name}, at {door}", door, forge) for name, forge in LOGINS.items() for door in ("units", "me")),
]
