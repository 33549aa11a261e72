"""The same token spelt otherwise, and texts that are no token: one token has one text (RFC 7515, RFC 4648)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from tests.identity.attacks.ground import Forge, Ground, Kind

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

Segments = tuple[str, str, str]


def b64(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def segments(token: str) -> Segments:
    """Header, payload and signature of a token."""
    header, payload, signature = token.split(".")
    return header, payload, signature


def loose_tail(segment: str) -> str:
    """The same bytes with other unused bits at the end: what a lax decoder also takes."""
    return segment[:-1] + ALPHABET[ALPHABET.index(segment[-1]) ^ 1]


def respelt(change: Callable[[str, str, str], str]) -> Forge:
    """A good token, spelt otherwise."""
    return lambda kind, ground: change(*segments(kind.good(ground)))


def _constant(text: str) -> Forge:
    return lambda kind, ground: text


def _as_json(kind: Kind, ground: Ground) -> str:
    header, payload, signature = segments(kind.good(ground))
    return json.dumps({"payload": payload, "protected": header, "signature": signature}, separators=(",", ":"))


def _with_loose_bits(place: int) -> Forge:
    """A good token, one of whose segments ends in other unused bits.

    A segment of whole triplets has no unused bits: white space that JSON allows makes it longer.
    """

    def forge(kind: Kind, ground: Ground) -> str:
        parts = [json.dumps({"kid": kind.signer, "alg": "RS256"}).encode(), json.dumps(kind.claims(ground)).encode()]
        while len(parts[place]) % 3 != 1:
            parts[place] += b" "
        spelt = list(segments(kind.key.jws(*parts)))
        spelt[place] = loose_tail(spelt[place])
        return ".".join(spelt)

    return forge


SPELLINGS: dict[str, Forge] = {
    "empty": _constant(""),
    "one letter": _constant("a"),
    "dots alone": _constant(".."),
    "a thousand dots": _constant("." * 1000),
    "one segment": respelt(lambda h, p, s: h),
    "two segments": respelt(lambda h, p, s: f"{h}.{p}"),
    "no signature": respelt(lambda h, p, s: f"{h}.{p}."),
    "no payload": respelt(lambda h, p, s: f"{h}..{s}"),
    "no header": respelt(lambda h, p, s: f".{p}.{s}"),
    "four segments": respelt(lambda h, p, s: f"{h}.{p}.{s}.{s}"),
    "a dot behind": respelt(lambda h, p, s: f"{h}.{p}.{s}."),
    "a dot before": respelt(lambda h, p, s: f".{h}.{p}.{s}"),
    "five segments, as a JWE": respelt(lambda h, p, s: f"{h}.{p}.{s}.{s}.{s}"),
    "as an SD-JWT": respelt(lambda h, p, s: f"{h}.{p}.{s}~{p}~"),
    "as JSON": _as_json,
    "segments in another order": respelt(lambda h, p, s: f"{p}.{h}.{s}"),
    "the token twice": respelt(lambda h, p, s: f"{h}.{p}.{s}{h}.{p}.{s}"),
    "encoded once more": respelt(lambda h, p, s: b64(f"{h}.{p}.{s}".encode())),
    "header in capitals": respelt(lambda h, p, s: f"{h.upper()}.{p}.{s}"),
    "signature of something else": respelt(lambda h, p, s: f"{h}.{p}.{b64(bytes(256))}"),
    "signature of ones": respelt(lambda h, p, s: f"{h}.{p}.{b64(bytes([255] * 256))}"),
    "signature of one byte": respelt(lambda h, p, s: f"{h}.{p}.AA"),
    "signature cut short": respelt(lambda h, p, s: f"{h}.{p}.{s[:-4]}"),
    "signature made longer": respelt(lambda h, p, s: f"{h}.{p}.AAAA{s}"),
    "signature of another token": lambda kind, ground: ".".join(
        (*segments(kind.good(ground))[:2], segments(kind.key.jwt(kind.claims(ground, jti="other")))[2])
    ),
    "payload of another token": lambda kind, ground: ".".join(
        (
            segments(kind.good(ground))[0],
            segments(kind.key.jwt(kind.claims(ground, jti="other")))[1],
            segments(kind.good(ground))[2],
        )
    ),
    "signature padded": respelt(lambda h, p, s: f"{h}.{p}.{s}=="),
    "signature with a newline": respelt(lambda h, p, s: f"{h}.{p}.{s}\n"),
    "signature with four newlines": respelt(lambda h, p, s: f"{h}.{p}.{s}\n\n\n\n"),
    "signature with junk inside": respelt(lambda h, p, s: f"{h}.{p}.{s[:4]}!!!!{s[4:]}"),
    "signature in the other alphabet": respelt(lambda h, p, s: f"{h}.{p}.{s.replace('-', '+').replace('_', '/')}+"),
    "signature with loose bits": respelt(lambda h, p, s: f"{h}.{p}.{loose_tail(s)}"),
    "header with loose bits": _with_loose_bits(0),
    "payload with loose bits": _with_loose_bits(1),
    "header padded": respelt(lambda h, p, s: f"{h}=.{p}.{s}"),
    "payload padded": respelt(lambda h, p, s: f"{h}.{p}=.{s}"),
    "payload with a space": respelt(lambda h, p, s: f"{h}. {p}.{s}"),
    "payload with a tab": respelt(lambda h, p, s: f"{h}.{p}\t.{s}"),
    "a null byte behind": respelt(lambda h, p, s: f"{h}.{p}.{s}\x00"),
    "a null byte inside": respelt(lambda h, p, s: f"{h}.{p}\x00.{s}"),
    "percent-encoded dots": respelt(lambda h, p, s: f"{h}%2E{p}%2E{s}"),
    "dots of full width": respelt(lambda h, p, s: f"{h}\uff0e{p}\uff0e{s}"),
    "a letter that looks alike": respelt(lambda h, p, s: f"{h}.{p}.{s}".replace("e", "\u0435", 1)),
    "a zero-width space": respelt(lambda h, p, s: f"{h}.{p}.{s}\u200b"),
    "a comment behind": respelt(lambda h, p, s: f"{h}.{p}.{s}#x"),
    "a parameter behind": respelt(lambda h, p, s: f"{h}.{p}.{s};alg=none"),
    "a comma and the token": respelt(lambda h, p, s: f"{h}.{p}.{s},{h}.{p}.{s}"),
    "in quotes": respelt(lambda h, p, s: f'"{h}.{p}.{s}"'),
    "null": _constant("null"),
    "undefined": _constant("undefined"),
    "an object's name": _constant("[object Object]"),
    "an opaque token": _constant("2YotnFZFEjr1zCsicMWpAA"),
    "the issuer's name": lambda kind, ground: str(kind.claims(ground)["iss"]),
    "a template": _constant("{{token}}"),
    "a look-up": _constant("${jndi:ldap://127.0.0.1/a}"),
    "SQL": _constant("' OR '1'='1"),
}
