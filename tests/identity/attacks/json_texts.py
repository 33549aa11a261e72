"""JSON that has more than one reading, that JSON has no words for, or that takes long to read (RFC 8259)."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.identity.attacks.ground import Forge, Ground, Kind
from tests.identity.attacks.headers import raw_header


def raw_payload(change: Callable[[bytes], bytes]) -> Forge:
    """The right key, over a payload whose text was changed before it was signed."""

    def forge(kind: Kind, ground: Ground) -> str:
        header = b'{"alg":"RS256","kid":"%b"}' % kind.signer.encode()
        return kind.key.jws(header, change(json.dumps(kind.claims(ground)).encode()))

    return forge


def _with(member: bytes) -> Forge:
    return raw_payload(lambda raw: raw[:-1] + b"," + member + b"}")


def _header(member: bytes) -> Forge:
    return raw_header(lambda kid: b'{"alg":"RS256","kid":"%b",%b}' % (kid.encode(), member))


def _instead(name: str, value: bytes) -> Forge:
    """The claim ``name``, written as ``value``; what was its value has a name that nobody reads."""
    return raw_payload(lambda raw: raw.replace(f'"{name}": '.encode(), f'"{name}": '.encode() + value + b', "y": ', 1))


DEEP = 2500

HEADERS: dict[str, Forge] = {
    "header names alg twice": raw_header(lambda kid: b'{"alg":"none","alg":"RS256","kid":"%b"}' % kid.encode()),
    "header names alg twice, once in escapes": raw_header(
        lambda kid: b'{"\\u0061lg":"none","alg":"RS256","kid":"%b"}' % kid.encode()
    ),
    "header names kid twice": raw_header(lambda kid: b'{"alg":"RS256","kid":"stranger","kid":"%b"}' % kid.encode()),
    "header in single quotes": raw_header(lambda kid: b"{'alg':'RS256','kid':'%b'}" % kid.encode()),
    "header with a comma at its end": _header(b""),
    "header with a comment": raw_header(lambda kid: b'{"alg":"RS256",/**/"kid":"%b"}' % kid.encode()),
    "header with NaN": _header(b'"x":NaN'),
    "header with Infinity": _header(b'"x":Infinity'),
    "header with a member named twice within": _header(b'"x":{"a":1,"a":2}'),
    "header no object": raw_header(lambda kid: b'["RS256"]'),
    "header no JSON": raw_header(lambda kid: b"RS256"),
    "header null": raw_header(lambda kid: b"null"),
    "header a number": raw_header(lambda kid: b"0"),
    "header a text": raw_header(lambda kid: b'"RS256"'),
    "header an empty object": raw_header(lambda kid: b"{}"),
    "header a null byte": raw_header(lambda kid: b"\x00"),
    "header in UTF-16": raw_header(lambda kid: json.dumps({"alg": "RS256", "kid": kid}).encode("utf-16")),
    "header with a byte order mark": raw_header(lambda kid: b'\xef\xbb\xbf{"alg":"RS256","kid":"%b"}' % kid.encode()),
    "header not UTF-8": _header(b'"x":"\xff"'),
    "header in overlong UTF-8": _header(b'"x":"\xc0\xaf"'),
    "header with a bare newline in a text": _header(b'"x":"a\nb"'),
    "header with more behind": raw_header(lambda kid: b'{"alg":"RS256","kid":"%b"}{}' % kid.encode()),
    "header deep in lists": raw_header(lambda kid: b"[" * DEEP),
    "header deep in objects": raw_header(lambda kid: b'{"a":' * 1000),
    "header deep inside": _header(b'"x":' + b"[" * 20 + b"]" * 20),
    "header with an endless integer": _header(b'"x":' + b"9" * 5000),
}

PAYLOADS: dict[str, Forge] = {
    "payload names iss twice": raw_payload(lambda raw: b'{"iss":"https://evil.example",' + raw[1:]),
    "payload names iss twice, once in escapes": raw_payload(
        lambda raw: b'{"\\u0069ss":"https://evil.example",' + raw[1:]
    ),
    "payload names exp twice": _with(b'"exp":9999999999'),
    "payload names aud twice": _with(b'"aud":"a","aud":"b"'),
    "payload names pid twice": _with(b'"pid":"21879498012","pid":"20914695016"'),
    "payload names a member twice within": _with(b'"x":{"a":1,"a":2}'),
    "payload with NaN": _with(b'"x":NaN'),
    "payload with -Infinity": _with(b'"nbf":-Infinity'),
    "exp NaN": _instead("exp", b"NaN"),
    "exp Infinity": _instead("exp", b"Infinity"),
    "exp beyond all numbers": _instead("exp", b"1e400"),
    "exp a huge integer": _instead("exp", b"9" * 400),
    "exp with a leading zero": _instead("exp", b"01780000100"),
    "exp with a plus": _instead("exp", b"+1780000100"),
    "exp in hexadecimal": _instead("exp", b"0x7fffffff"),
    "iat an exponent": _instead("iat", b"1e3"),
    "iat minus nothing": _instead("iat", b"-0.0"),
    "payload with an endless integer": _with(b'"x":' + b"9" * 5000),
    "payload with many long integers": _with(b",".join(b'"%d":' % n + b"9" * 1000 for n in range(4))),
    "payload a list": raw_payload(lambda raw: b"[" + raw + b"]"),
    "payload a text": raw_payload(lambda raw: json.dumps(raw.decode()).encode()),
    "payload null": raw_payload(lambda raw: b"null"),
    "payload true": raw_payload(lambda raw: b"true"),
    "payload empty": raw_payload(lambda raw: b"{}"),
    "payload no JSON": raw_payload(lambda raw: raw[:-1]),
    "payload with more behind": raw_payload(lambda raw: raw + b"{}"),
    "payload with a comma at its end": _with(b""),
    "payload with a comment": raw_payload(lambda raw: b"/**/" + raw + b"//"),
    "payload in single quotes": raw_payload(lambda raw: raw.replace(b'"', b"'")),
    "payload not UTF-8": _with(b'"x":"\xff"'),
    "payload with a surrogate in UTF-8": _with(b'"x":"\xed\xa0\x80"'),
    "payload in UTF-16": raw_payload(lambda raw: raw.decode().encode("utf-16")),
    "payload in UTF-32": raw_payload(lambda raw: raw.decode().encode("utf-32")),
    "payload with a byte order mark": raw_payload(lambda raw: b"\xef\xbb\xbf" + raw),
    "payload with a null byte": raw_payload(lambda raw: raw + b"\x00"),
    "payload with a control character in a text": _with(b'"x":"\x01"'),
    "payload with a space of another kind": raw_payload(lambda raw: b"\xc2\xa0" + raw),
    "payload deep": raw_payload(lambda raw: b"[" * DEEP),
    "payload deep inside": _with(b'"x":' + b'{"a":' * 1000 + b"1" + b"}" * 1000),
    "payload compressed": raw_payload(lambda raw: b"x\x9c" + raw),
    "payload as XML": raw_payload(lambda raw: b"<token/>"),
    "payload as a form": raw_payload(lambda raw: b"iss=x&aud=y"),
}
