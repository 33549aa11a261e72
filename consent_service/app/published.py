"""The keys that the log's checkpoints are signed with, as others need them to check those."""

import base64

from consent_service.audit.notes import VerifierKey


def checkpoint_jwk(key: VerifierKey) -> dict[str, str]:
    """The Ed25519 key as a JWK (RFC 8037). Its ``kid`` is ``name+id``, as in the keys that operators hand out."""
    x = base64.urlsafe_b64encode(key.public).rstrip(b"=").decode("ascii")
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": f"{key.name}+{key.id.hex()}", "alg": "EdDSA", "use": "sig"}
