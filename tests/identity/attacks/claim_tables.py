"""Claims that are amiss in a token that its issuer has rightly signed: of another type, shape, time or person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.identity.attacks.ground import OUT, Ground, organisation

Rows = dict[str, Callable[[Ground], dict[str, Any]]]


def _fixed(rows: dict[str, dict[str, Any]]) -> Rows:
    def constant(changes: dict[str, Any]) -> Callable[[Ground], dict[str, Any]]:
        return lambda ground: changes

    return {name: constant(changes) for name, changes in rows.items()}


def _of_all_types(name: str, *more: Any) -> Rows:
    """A claim that is a text in good tokens, as everything else."""
    odd: list[Any] = [OUT, None, True, 0, 7, 1.5, "", " ", [], {}, "a\x00b", "a\nb", "\ud800", "x" * 256, *more]
    return _fixed({f"{name} {'missing' if value is OUT else repr(value)[:24]}": {name: value} for value in odd})


_NO_TIMES: list[Any] = [None, True, False, "99999999999", "", [], {}, -1, 10**20, -(10**20), 10**30, 0.5, 1e300]

TIMES: Rows = {
    **_fixed({f"{name} {value!r}": {name: value} for name in ("exp", "iat", "nbf") for value in _NO_TIMES}),
    **_fixed({"no exp": {"exp": OUT}, "no iat": {"iat": OUT}}),
    "exp in half seconds": lambda ground: {"exp": ground.now + 60.5},
    "iat in whole seconds, with a point": lambda ground: {"iat": float(ground.now)},
    "exp just past": lambda ground: {"exp": ground.now - 10, "iat": ground.now - 130},
    "exp long past": lambda ground: {"exp": ground.now - 10**6, "iat": ground.now - 10**6 - 120},
    "exp zero": lambda ground: {"exp": 0, "iat": -120},
    "exp in milliseconds": lambda ground: {"exp": (ground.now + 120) * 1000},
    "iat in milliseconds": lambda ground: {"iat": ground.now * 1000},
    "lives for two days": lambda ground: {"exp": ground.now + 172_800},
    "has lived for years": lambda ground: {"iat": ground.now - 10**8},
    "lives until the year 9999": lambda ground: {"exp": 253_402_300_799},
    "iat beyond the leeway": lambda ground: {"iat": ground.now + 60},
    "iat tomorrow": lambda ground: {"iat": ground.now + 86_400, "exp": ground.now + 86_500},
    "nbf beyond the leeway": lambda ground: {"nbf": ground.now + 60},
    "ends when it begins": lambda ground: {"iat": ground.now + 5, "exp": ground.now + 5},
    "ends before it begins": lambda ground: {"iat": ground.now + 6, "exp": ground.now + 5},
    "nbf at its end": lambda ground: {"iat": ground.now - 2, "exp": ground.now + 2, "nbf": ground.now + 2},
}

EVERYBODYS: Rows = {
    **TIMES,
    **_of_all_types("jti"),
    **_of_all_types("client_id", "two words", ["nav-client"], "\u043dav"),
    **_fixed(
        {
            "bound to a key (DPoP)": {"cnf": {"jkt": "x"}},
            "bound to a certificate": {"cnf": {"x5t#S256": "x"}},
            "bound to nothing": {"cnf": None},
            "a logout token's events": {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
            "an id_token's nonce": {"nonce": "n"},
            "an id_token's nonce, null": {"nonce": None},
            "authorization_details": {"authorization_details": [{"type": "urn:altinn:systemuser"}]},
            "authorization_details empty": {"authorization_details": []},
            "aud null": {"aud": None},
            "aud number": {"aud": 1},
            "aud true": {"aud": True},
            "aud empty": {"aud": ""},
            "aud empty list": {"aud": []},
            "aud of numbers": {"aud": [1, 2]},
            "aud of lists": {"aud": [["unspecified"]]},
            "aud dict": {"aud": {"unspecified": 1}},
            "aud another's": {"aud": "https://other.example"},
            "aud everything": {"aud": "*"},
        }
    ),
    "aud our OIDC client": lambda ground: {"aud": ground.our_client},
}

SCOPES: Rows = {
    **{name: row for name, row in _of_all_types("scope").items() if "xxx" not in name},  # a scope may be long
    "scope list": lambda ground: {"scope": ground.scope.split()},
    "scope dict": lambda ground: {"scope": dict.fromkeys(ground.scope.split(), True)},
    "scope with tabs": lambda ground: {"scope": ground.scope.replace(" ", "\t") + "\tx"},
    "scope with two spaces": lambda ground: {"scope": f"{ground.scope}  x"},
    "scope with a space before": lambda ground: {"scope": f" {ground.scope}"},
    "scope with a space behind": lambda ground: {"scope": f"{ground.scope} "},
    "scope with a comma and a newline": lambda ground: {"scope": f"{ground.scope},\nx"},
    "scope with a space that does not break": lambda ground: {"scope": f"{ground.scope}\u00a0x"},
    "scope with a quote": lambda ground: {"scope": f'{ground.scope} "x"'},
    "scope with a backslash": lambda ground: {"scope": f"{ground.scope} \\x"},
}

_AUTHORITY = "iso6523-actorid-upis"


def _parties(name: str) -> Rows:
    def told(value: Callable[[str], Any]) -> Callable[[Ground], dict[str, Any]]:
        return lambda ground: {name: value(ground.organisation)}

    spelt: dict[str, Callable[[str], Any]] = {
        "null": lambda number: None,
        "text": lambda number: f"0192:{number}",
        "number": int,
        "list": lambda number: [organisation(number)],
        "empty": lambda number: {},
        "of another register": lambda number: {"authority": _AUTHORITY, "ID": f"9908:{number}"},
        "without a register": lambda number: {"authority": _AUTHORITY, "ID": number},
        "with more elements": lambda number: {"authority": _AUTHORITY, "ID": f"0192:{number}:1"},
        "with two numbers": lambda number: {"authority": _AUTHORITY, "ID": f"0192:{number},0192:{number}"},
        "with a bad check digit": lambda number: organisation(f"{number[:8]}{(int(number[8]) + 1) % 10}"),
        "too short": lambda number: organisation(number[:8]),
        "too long": lambda number: organisation(f"{number}0"),
        "with spaces": lambda number: organisation(f"{number[:3]} {number[3:6]} {number[6:]}"),
        "in other digits": lambda number: organisation("".join(chr(0x660 + int(digit)) for digit in number)),
        "with a newline": lambda number: organisation(f"{number}\n"),
        "with a null byte": lambda number: organisation(f"{number}\x00"),
        "with a number as ID": lambda number: {"authority": _AUTHORITY, "ID": int(number)},
        "with a list as ID": lambda number: {"authority": _AUTHORITY, "ID": [f"0192:{number}"]},
        "without ID": lambda number: {"authority": _AUTHORITY},
        "without authority": lambda number: {"ID": f"0192:{number}"},
        "in the old spelling": lambda number: {"Authority": _AUTHORITY, "ID": f"0192:{number}"},
        "in small letters": lambda number: {"authority": _AUTHORITY, "id": f"0192:{number}"},
        "of another authority": lambda number: {"authority": "me", "ID": f"0192:{number}"},
        "of an authority in capitals": lambda number: {"authority": _AUTHORITY.upper(), "ID": f"0192:{number}"},
    }
    return {f"{name} {how}": told(value) for how, value in spelt.items()}


UNITS: Rows = {
    **SCOPES,
    **_parties("consumer"),
    **_parties("supplier"),
    **_fixed(
        {
            "no consumer": {"consumer": OUT},
            "a person's number": {"pid": "21879498012"},
            "a person's number, null": {"pid": None},
            "a person's number, empty": {"pid": ""},
            "a person's level": {"acr": "idporten-loa-high"},
            "no token_type": {"token_type": OUT},
            "token_type null": {"token_type": None},
            "token_type in small letters": {"token_type": "bearer"},
            "token_type list": {"token_type": ["Bearer"]},
            "token_type DPoP": {"token_type": "DPoP"},
            "token_type of an id_token": {"token_type": "ID"},
            "aud unspecified and another's": {"aud": ["unspecified", "https://other.example"]},
            "aud unspecified in capitals": {"aud": "UNSPECIFIED"},
        }
    ),
    "aud of the candidates' door": lambda ground: {"aud": ground.audience},
    "consumer's number in client_orgno alone": lambda ground: {"consumer": OUT, "client_orgno": ground.organisation},
    "supplier in the consumer's place": lambda ground: {"consumer": OUT, "supplier": organisation(ground.organisation)},
}

_LEVELS = [
    *(OUT, None, True, 4, "", "4", "idporten-loa-low", "idporten-loa-substantial", "idporten-loa-highest"),
    *("idporten-loa-hig", "idporten-loa-high idporten-loa-low", ["idporten-loa-high"], {"value": "idporten-loa-high"}),
    *("Level1", "Level3", "LEVEL4", "level4", "Level4 ", "Level 4", "Level04"),
]
_NUMBERS = [
    *(OUT, None, True, 21879498012, "", "2187949801", "218794980122", "21879498012\n", " 21879498012", "2187949801x"),
    *(["21879498012"], {"pid": "21879498012"}, "٢١٨٧٩٤٩٨٠١٢", "２１８７９４９８０１２", "218794 98012", "0x517f4ab1c"),
]

PERSONS: Rows = {
    **_fixed({f"acr {'missing' if value is OUT else repr(value)}": {"acr": value} for value in _LEVELS}),
    **_fixed({f"pid {'missing' if value is OUT else repr(value)}": {"pid": value} for value in _NUMBERS}),
    **_fixed({"an id_token's at_hash": {"at_hash": "x"}, "an id_token's at_hash, null": {"at_hash": None}}),
    "no aud": lambda ground: {"aud": OUT},
    "aud unspecified": lambda ground: {"aud": "unspecified"},
    "aud list with unspecified": lambda ground: {"aud": ["unspecified"]},
    "aud the application's own": lambda ground: {"aud": ground.person_claims()["client_id"]},
}


def _other_audiences(name: str) -> Rows:
    """An audience that is nearly ours."""

    def changed(change: Callable[[str], Any]) -> Callable[[Ground], dict[str, Any]]:
        return lambda ground: {"aud": change(getattr(ground, name))}

    changes: dict[str, Callable[[str], Any]] = {
        "with a slash": lambda ours: f"{ours}/",
        "with a space": lambda ours: f"{ours} ",
        "in capitals": lambda ours: ours.upper().replace(":", "%3A"),
        "and more": lambda ours: f"{ours}.evil.example",
        "but for a letter": lambda ours: ours[:-1],
        "and another in one text": lambda ours: f"{ours} https://other.example",
        "in a list in a list": lambda ours: [[ours]],
        "as a name in an object": lambda ours: {ours: True},
    }
    return {f"aud ours {how}": changed(change) for how, change in changes.items()}


OF_IDPORTEN: Rows = {
    **PERSONS,
    **SCOPES,
    **_other_audiences("audience"),
    "aud our name at TokenX": lambda ground: {"aud": ground.our_name},
}
OF_TOKENX: Rows = {
    **PERSONS,
    **_other_audiences("our_name"),
    **_of_all_types(
        "idp", "https://login.microsoftonline.com/common/v2.0", "https://evil.example", ["https://idporten.no"]
    ),
    "idp ID-porten with a slash": lambda ground: {"idp": f"{ground.idporten}/"},
    "idp Maskinporten": lambda ground: {"idp": ground.maskinporten},
    "aud our audience at ID-porten": lambda ground: {"aud": ground.audience},
    "aud another application": lambda ground: {"aud": "prod-gcp:other:application"},
}

NOBODYS: Rows = _fixed(
    {
        "pid with a bad check digit": {"pid": "21879498013"},
        "pid of zeros": {"pid": "00000000000"},
        "pid of nines": {"pid": "99999999999"},
        "pid of a day that is none": {"pid": "32879498012"},
    }
)
"""Eleven digits that are nobody's number: for the door to refuse, which knows what numbers are."""
