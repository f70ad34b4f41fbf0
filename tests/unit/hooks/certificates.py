"""Certificates of servers on loopback."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def self_signed(address: str, host: str) -> bytes:
    """Return a certificate that is its own authority, after its key, as PEM.

    :param address: IP address that it is for; also its common name.
    :param host: name that it is for as well.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
    now = datetime.now(UTC)
    names = [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName(host)]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + made.public_bytes(serialization.Encoding.PEM)


def hashed_name(pem: bytes) -> str:
    """Return the file name under which OpenSSL looks for a certificate in a folder.

    OpenSSL hashes the subject in a canonical form. For one common name in lower case that is its DER without the outer
    sequence's header.
    """
    subject = x509.load_pem_x509_certificate(pem).subject.public_bytes()[2:]
    return f"{int.from_bytes(hashlib.sha1(subject).digest()[:4], 'little'):08x}.0"
