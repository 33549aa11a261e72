"""RSA signatures with an enterprise certificate."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from consent_service.crypto.signatures import CertificateUnusable, rsa_signer, verify_rsa
from tests.support.digipost import enterprise, intruder


@pytest.fixture
def pkcs12_file(tmp_path: Path) -> Path:
    path = tmp_path / "enterprise.p12"
    path.write_bytes(enterprise().pkcs12("hemmelig"))
    return path


def test_what_is_signed_verifies_with_the_certificate_and_nothing_else(pkcs12_file: Path) -> None:
    """Another message, another signature and another certificate are all refused."""
    signature = rsa_signer(pkcs12_file, "hemmelig")(b"message")
    pem = enterprise().certificate_pem
    assert verify_rsa(pem, signature, b"message")
    assert not verify_rsa(pem, signature, b"messagE")
    assert not verify_rsa(pem, bytes([signature[0] ^ 1]) + signature[1:], b"message")
    assert not verify_rsa(pem, b"", b"message")
    assert not verify_rsa(intruder().certificate_pem, signature, b"message")


def test_a_certificate_that_can_t_be_read_verifies_nothing() -> None:
    """It comes over the wire, so it is anything at all."""
    for pem in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no PEM"):
        assert not verify_rsa(pem, b"signature", b"message")


def test_a_file_that_can_t_sign_is_refused_without_its_password_in_the_words(pkcs12_file: Path, tmp_path: Path) -> None:
    """Missing, locked, not PKCS#12, or another kind of key."""
    other = tmp_path / "other.p12"
    other.write_bytes(b"not PKCS#12")
    elliptic = tmp_path / "elliptic.p12"
    key = ec.generate_private_key(ec.SECP256R1())
    elliptic.write_bytes(pkcs12.serialize_key_and_certificates(b"x", key, None, None, NoEncryption()))
    for path, password in ((pkcs12_file, "gjettet"), (tmp_path / "none.p12", ""), (other, ""), (elliptic, "")):
        with pytest.raises(CertificateUnusable) as refused:
            rsa_signer(path, password)
        assert "gjettet" not in str(refused.value)
