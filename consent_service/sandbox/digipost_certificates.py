"""Certificates that nobody issued: the sandbox's own, and an enterprise's for the service under test.

The rule: both are made anew, in memory, for as long as the sandbox runs; nothing here is worth stealing.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

_KEY_SIZE = 2048
_LASTS = timedelta(days=365)


@dataclass(frozen=True)
class Enterprise:
    """A self-signed enterprise certificate with its key."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate

    @property
    def certificate_pem(self) -> str:
        """The certificate, as it is uploaded to Digipost."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def pkcs12(self, password: str) -> bytes:
        """Key and certificate as the service's settings take them."""
        return pkcs12.serialize_key_and_certificates(
            b"enterprise",
            self.key,
            self.certificate,
            None,
            serialization.BestAvailableEncryption(password.encode()),
        )


def new_enterprise(name: str, organisation_number: str) -> Enterprise:
    """A fresh key with a certificate that says ``name`` and ``organisation_number``, good for a year."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_SIZE)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "NO"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, organisation_number),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name} (sandbox)"),
        ]
    )
    begins = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + _LASTS)
        .sign(key, hashes.SHA256())
    )
    return Enterprise(key, certificate)
