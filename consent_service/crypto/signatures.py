"""RSA signatures with an enterprise certificate, the kind that Digipost's API demands.

RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 8.2), and nothing else: the algorithm is fixed here, never read from
what is being verified. The private key stays inside the function that ``rsa_signer`` gives back.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import load_pem_x509_certificate

_SMALLEST_KEY = 2048


class CertificateUnusable(Exception):
    """The enterprise certificate can't sign: wrong file, wrong password, or a key of the wrong kind."""


def rsa_signer(pkcs12_file: Path, password: str) -> Callable[[bytes], bytes]:
    """What signs with the private key of ``pkcs12_file`` (PKCS#12, as Buypass and Commfides deliver it).

    Raises CertificateUnusable if the file can't be opened or holds no RSA key of at least 2048 bits. Its
    message names neither the file's content nor the password.
    """
    try:
        loaded = pkcs12.load_pkcs12(pkcs12_file.read_bytes(), password.encode())
    except OSError as broken:
        raise CertificateUnusable(f"{pkcs12_file} can't be read") from broken
    except ValueError as broken:
        raise CertificateUnusable(f"{pkcs12_file} is not PKCS#12, or the password is wrong") from broken
    key = loaded.key
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _SMALLEST_KEY:
        raise CertificateUnusable(f"{pkcs12_file} holds no RSA key of {_SMALLEST_KEY} bits or more")
    private_key = key

    def sign(message: bytes) -> bytes:
        return private_key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    return sign


def verify_rsa(certificate_pem: str, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` is the certificate's, over exactly ``message``.

    Never raises: a certificate that can't be read, or holds another kind of key, verifies nothing. Who issued
    it and how long it lasts is not judged here; where it came from is the caller's to know.
    """
    key = _public_key(certificate_pem)
    if key is None:
        return False
    try:
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=8)
def _public_key(certificate_pem: str) -> rsa.RSAPublicKey | None:
    try:
        key = load_pem_x509_certificate(certificate_pem.encode()).public_key()
    except ValueError:
        return None
    return key if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_KEY else None
