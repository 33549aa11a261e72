"""A good token in another form of the header ``Authorization`` than the one that there is (RFC 6750, section 2.1)."""

from __future__ import annotations

from collections.abc import Callable

FIELDS: dict[str, Callable[[str], list[str]]] = {
    "none": lambda token: [],
    "empty": lambda token: [""],
    "twice": lambda token: [f"Bearer {token}", f"Bearer {token}"],
    "twice, once empty": lambda token: [f"Bearer {token}", ""],
    "twice, once of another scheme": lambda token: ["Basic QTpC", f"Bearer {token}"],
    "two in one": lambda token: [f"Bearer {token}, Bearer {token}"],
    "two in one, of two schemes": lambda token: [f"Basic QTpC, Bearer {token}"],
    "two tokens": lambda token: [f"Bearer {token} {token}"],
    "the scheme alone": lambda token: ["Bearer"],
    "the scheme and a space": lambda token: ["Bearer "],
    "the scheme twice": lambda token: [f"Bearer Bearer {token}"],
    "Basic": lambda token: [f"Basic {token}"],
    "DPoP": lambda token: [f"DPoP {token}"],
    "MAC": lambda token: [f"MAC {token}"],
    "a scheme that begins alike": lambda token: [f"BearerX {token}"],
    "a scheme in other letters": lambda token: [f"B\u0435arer {token}"],
    "without scheme": lambda token: [token],
    "with a colon": lambda token: [f"Bearer: {token}"],
    "with an equals sign": lambda token: [f"Bearer={token}"],
    "as a parameter": lambda token: [f'Bearer token="{token}"'],
    "without space": lambda token: [f"Bearer{token}"],
    "two spaces": lambda token: [f"Bearer  {token}"],
    "a tab": lambda token: [f"Bearer\t{token}"],
    "in quotes": lambda token: [f'Bearer "{token}"'],
    "in brackets": lambda token: [f"Bearer <{token}>"],
    "other letters": lambda token: [f"Bearer {token}é"],
    "endless": lambda token: ["Bearer " + "a" * 30_000],
}
