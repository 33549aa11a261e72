"""The key that the log's checkpoints are signed with, as others need it to check them."""

import base64


def checkpoint_jwk(public: bytes, origin: str) -> dict[str, str]:
    """The Ed25519 key as a JWK (RFC 8037). Its ``kid`` is the checkpoint's origin, the name in its signatures."""
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode("ascii")
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": origin, "alg": "EdDSA", "use": "sig"}
