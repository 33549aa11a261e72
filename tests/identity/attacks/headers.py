"""Headers that say how, and with whose key, the token is to be verified (RFC 8725, sections 3.1, 3.10 and 3.11)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from jose import jwk as jose_jwk

from consent_service.sandbox.keys import SigningKey
from tests.identity.attacks.ground import Forge, Ground, Kind
from tests.identity.attacks.spelling import b64
from tests.support.issuers import key

Sign = Callable[[bytes], bytes]


def headed(**header: Any) -> Forge:
    """The right key, under another header; a change to None leaves the member out."""

    def forge(kind: Kind, ground: Ground) -> str:
        head = {"alg": "RS256", "kid": kind.signer, **header}
        return kind.key.jwt(
            kind.claims(ground), header={name: value for name, value in head.items() if value is not None}
        )

    return forge


def raw_header(header: Callable[[str], bytes]) -> Forge:
    """The right key over a header of any bytes, made of the key's name."""
    return lambda kind, ground: kind.key.jws(header(kind.signer), json.dumps(kind.claims(ground)).encode())


def signed(alg: str, sign: Callable[[Kind], Sign], **header: Any) -> Forge:
    """A token signed in another way, which its header names."""

    def forge(kind: Kind, ground: Ground) -> str:
        head = b64(json.dumps({"alg": alg, "kid": kind.signer, **header}).encode())
        text = f"{head}.{b64(json.dumps(kind.claims(ground)).encode())}"
        return f"{text}.{b64(sign(kind)(text.encode()))}"

    return forge


def by_stranger(**header: Any) -> Forge:
    """A stranger's key, under a header that would have it looked up or taken as it is."""

    def forge(kind: Kind, ground: Ground) -> str:
        return key("stranger").jwt(kind.claims(ground), header={"alg": "RS256", "kid": kind.signer, **header})

    return forge


def _public(kind: Kind, encoding: serialization.Encoding) -> bytes:
    pem: bytes = jose_jwk.construct(kind.key.public_jwk, "RS256").to_pem()
    return serialization.load_pem_public_key(pem).public_bytes(
        encoding, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _hmac(secret: Callable[[Kind], bytes], digest: str = "sha256") -> Callable[[Kind], Sign]:
    return lambda kind: lambda text: hmac.digest(secret(kind), text, digest)


def _pem(kind: Kind) -> bytes:
    return _public(kind, serialization.Encoding.PEM)


def _der(kind: Kind) -> bytes:
    return _public(kind, serialization.Encoding.DER)


@cache
def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _curve() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _curve_jwk() -> dict[str, str]:
    numbers = _curve().public_key().public_numbers()
    x, y = (b64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _ecdsa(_: Kind) -> Sign:
    def sign(text: bytes) -> bytes:
        r, s = utils.decode_dss_signature(_curve().sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def _eddsa(_: Kind) -> Sign:
    return ed25519.Ed25519PrivateKey.generate().sign


def _pss(_: Kind) -> Sign:
    return lambda text: _rsa().sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def _nothing(_: Kind) -> Sign:
    return lambda text: b""


@cache
def _weak() -> SigningKey:
    return SigningKey.generate("weak", bits=1024)


def _evil() -> dict[str, str]:
    return key("stranger").public_jwk


ALGORITHMS: dict[str, Forge] = {
    **{f"alg {alg}, unsigned": signed(alg, _nothing) for alg in ("none", "None", "NONE", "nOnE", "")},
    **{f"alg {alg} over an RS256 signature": headed(alg=alg) for alg in ("none", "HS256", "ES256", "PS256", "EdDSA")},
    **{f"alg {alg}, not configured": headed(alg=alg) for alg in ("RS384", "RS512")},
    **{
        f"alg {alg!r}": headed(alg=alg)
        for alg in ("rs256", "RS256 ", " RS256", "RS", "S256", "RS256,none", "RS256\x00")
    },
    "alg missing": headed(alg=None),
    "alg null": raw_header(lambda kid: b'{"alg":null,"kid":"%b"}' % kid.encode()),
    **{f"alg {value!r}": headed(alg=value) for value in (1, True, ["RS256"], {"RS256": 1}, 256.0)},
    "alg by its URI": headed(alg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
    "HS256 with the public key as PEM": signed("HS256", _hmac(_pem)),
    "HS256 with the public key as PEM without its last line end": signed("HS256", _hmac(lambda k: _pem(k).strip())),
    "HS256 with the public key as DER": signed("HS256", _hmac(_der)),
    "HS256 with the public key as DER in base64": signed("HS256", _hmac(lambda kind: base64.b64encode(_der(kind)))),
    "HS256 with the public key as JWK": signed("HS256", _hmac(lambda kind: json.dumps(kind.key.public_jwk).encode())),
    "HS256 with the modulus": signed("HS256", _hmac(lambda kind: kind.key.public_jwk["n"].encode())),
    "HS256 with the key's name": signed("HS256", _hmac(lambda kind: kind.signer.encode())),
    "HS256 with no secret": signed("HS256", _hmac(lambda kind: b"")),
    "HS384 with the public key as PEM": signed("HS384", _hmac(_pem, "sha384")),
    "HS512 with the public key as PEM": signed("HS512", _hmac(_pem, "sha512")),
    "RS256 over an HMAC": signed("RS256", _hmac(_pem)),
    "ES256 with its own key in the header": signed("ES256", _ecdsa, jwk=_curve_jwk()),
    "ES256 under the right kid": signed("ES256", _ecdsa),
    "ES256 of zeros (CVE-2022-21449)": signed("ES256", lambda _: lambda text: bytes(64)),
    "EdDSA under the right kid": signed("EdDSA", _eddsa),
    "PS256 under the right kid": signed("PS256", _pss),
    "RS256 over a PSS signature": signed("RS256", _pss),
    "RS256 over the hash alone": signed("RS256", lambda _: lambda text: hashlib.sha256(text).digest()),
    "dir, as if encrypted": headed(alg="dir", enc="A256GCM"),
    "RSA-OAEP, as if encrypted": headed(alg="RSA-OAEP", enc="A128CBC-HS256"),
    "PBES2 with endless rounds": headed(alg="PBES2-HS256+A128KW", enc="A128GCM", p2c=2**31 - 1, p2s="AAAA"),
}

KEYS: dict[str, Forge] = {
    "kid missing": headed(kid=None),
    "kid null": raw_header(lambda kid: b'{"alg":"RS256","kid":null}'),
    **{f"kid {value!r}": headed(kid=value) for value in (1, 0, True, ["kid"], {"kid": "x"}, "", "\x00", "kid\n")},
    "kid unknown": headed(kid="other"),
    "kid in other letters": lambda kind, ground: headed(kid=kind.signer.upper())(kind, ground),
    "kid with a space behind": lambda kind, ground: headed(kid=f"{kind.signer} ")(kind, ground),
    "kid a path": headed(kid="../../../../dev/null"),
    "kid a file": headed(kid="file:///proc/self/environ"),
    "kid an address": headed(kid="http://127.0.0.1:1/jwks"),
    "kid with an injection": headed(kid="x' UNION SELECT 'AAAA"),
    "kid with a command": headed(kid="k|/usr/bin/id"),
    "kid endless": headed(kid="k" * 129),
    "kid in other letters of the alphabet": headed(kid="m\u0430skinporten"),
    "kid of another issuer": lambda kind, ground: headed(kid="token-x" if kind.signer != "token-x" else "idporten")(
        kind, ground
    ),
    "another issuer's key under its own name": lambda kind, ground: key(
        "idporten" if kind.signer != "idporten" else "maskinporten"
    ).jwt(kind.claims(ground)),
    "another issuer's key under the right kid": lambda kind, ground: key(
        "idporten" if kind.signer != "idporten" else "maskinporten"
    ).jwt(kind.claims(ground), header={"alg": "RS256", "kid": kind.signer}),
    "our own client's key": lambda kind, ground: key("ours").jwt(kind.claims(ground)),
    "a unit's own key": lambda kind, ground: key("nav").jwt(kind.claims(ground)),
    "a stranger's key under the right kid": by_stranger(),
    "a stranger's key under its own name": by_stranger(kid="stranger"),
    "a weak key under the right kid": lambda kind, ground: _weak().jwt(
        kind.claims(ground), header={"alg": "RS256", "kid": kind.signer}
    ),
    "a stranger's key in the header": by_stranger(jwk=_evil()),
    "a stranger's key in the header, no kid": by_stranger(jwk=_evil(), kid=""),
    "a stranger's key by address": by_stranger(jku="http://127.0.0.1:2/jwks.json", kid="stranger"),
    "a stranger's key by an address that looks like the issuer's": by_stranger(
        jku="https://idporten.no@evil.example/jwks"
    ),
    "a stranger's key by a data address": by_stranger(jku="data:application/json,{}"),
    "a stranger's certificate": by_stranger(x5c=["MIIBAAAA"]),
    "a stranger's certificate by address": by_stranger(x5u="https://evil.example/cert.pem"),
    "a stranger's certificate by thumbprint": by_stranger(x5t="AAAA", **{"x5t#S256": "AAAA"}),
    "a stranger's issuer in the header": by_stranger(iss="https://evil.example"),
    "the right key, and one in the header": headed(jwk=_evil()),
    "the right key, and one by address": headed(jku="http://127.0.0.1:2/jwks.json"),
    "the right key, and a certificate by address": headed(x5u="https://evil.example/cert.pem"),
}

READING: dict[str, Forge] = {
    "crit": headed(crit=["exp"]),
    "crit that names b64": headed(crit=["b64"], b64=False),
    "crit empty": headed(crit=[]),
    "crit null": raw_header(lambda kid: b'{"alg":"RS256","kid":"%b","crit":null}' % kid.encode()),
    "b64 false": headed(b64=False),
    "b64 true": headed(b64=True),
    "zip": headed(zip="DEF"),
    "enc": headed(enc="A256GCM"),
    "cty JWT: a token in a token": headed(cty="JWT"),
    **{
        f"typ {value!r}": headed(typ=value)
        for value in ("dpop+jwt", "logout+jwt", "jwt", "JOSE", "application/xml", "")
    },
    **{f"typ {value!r}": headed(typ=value) for value in (1, ["JWT"], {"typ": "JWT"}, False)},
    "typ null": raw_header(lambda kid: b'{"alg":"RS256","kid":"%b","typ":null}' % kid.encode()),
    "typ of a security event": headed(typ="secevent+jwt"),
    "typ of a client's proof": headed(typ="client-authentication+jwt"),
}
