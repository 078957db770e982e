"""The certificate authority of the embedded stack, and the certificates of its servers and of a client, as PEM files.

All are in `certs/` of the state folder, and only its owner can read them:

    ca.pem          the authorities that clients trust, the newest first
    ca.key          the key of the newest
    NAME.pem        the certificate of a server, or of the client
    NAME.key        its key (PKCS 8, without a password)
    NAME.store.pem  both in one file, as Kafka and Cassandra read them
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from weir.files import write_private

SERVERS = ("kafka", "cassandra", "postgres")
CLIENT = "client"  # for mutual TLS
KAFKA_ADMIN = "kafka-admin"  # the stack itself, as the administrator of Kafka
NAMES = (*SERVERS, CLIENT, KAFKA_ADMIN)
HOSTS = ("localhost", "127.0.0.1", "::1")
KEEP = timedelta(days=3650)  # an authority
VALID = timedelta(days=397)  # a certificate
RENEW_BEFORE = timedelta(days=30)
SKEW = timedelta(minutes=5)  # of another clock that looks at a new certificate


def folder(home: Path) -> Path:
    return home / "certs"


def ca_file(home: Path) -> Path:
    """Return the file with the authorities to trust."""
    return folder(home) / "ca.pem"


def cert_file(home: Path, name: str) -> Path:
    return folder(home) / f"{name}.pem"


def key_file(home: Path, name: str) -> Path:
    return folder(home) / f"{name}.key"


def store_file(home: Path, name: str) -> Path:
    """Return the file with key and certificate."""
    return folder(home) / f"{name}.store.pem"


def subject(name: str) -> str:
    """Return the subject of a certificate, by which a server knows a client."""
    return f"CN={name}"


def ensure(home: Path, now: datetime | None = None) -> list[str]:
    """Create what is missing, and renew what ends within RENEW_BEFORE. Return the names of the certificates that are new."""
    now = now or datetime.now(UTC)
    if not (folder(home) / "ca.key").exists():
        add_authority(home, now)
    fresh = [name for name in NAMES if _ends(cert_file(home, name)) < now + RENEW_BEFORE]
    for name in fresh:
        renew(home, name, now=now)
    return fresh


def renew(home: Path, name: str, hosts: tuple[str, ...] = HOSTS, valid: timedelta = VALID, now: datetime | None = None) -> None:
    """Issue a new key and certificate from the newest authority. Servers read them when they are told to, or at their next start."""
    begin = (now or datetime.now(UTC)) - SKEW
    authority, signer = _authorities(home)[0], _load_key(folder(home) / "ca.key")
    key = ec.generate_private_key(ec.SECP256R1())
    cert = (
        _builder(name, authority.subject, key, begin, begin + SKEW + valid)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    write_private(store_file(home, name), _pem_key(key) + _pem(cert))
    write_private(key_file(home, name), _pem_key(key))
    write_private(cert_file(home, name), _pem(cert))


def add_authority(home: Path, now: datetime | None = None) -> None:
    """Create an authority, which signs from now on. The one before stays trusted until `drop_old_authorities`."""
    begin = (now or datetime.now(UTC)) - SKEW
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Weir's stack, {begin:%Y-%m-%d %H:%M:%S}")])
    cert = (
        _builder("", subject, key, begin, begin + KEEP, subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_ca_usage(), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_private(ca_file(home), "".join(map(_pem, [cert, *_authorities(home)])))
    write_private(folder(home) / "ca.key", _pem_key(key))


def drop_old_authorities(home: Path) -> None:
    """Trust the newest authority alone."""
    write_private(ca_file(home), _pem(_authorities(home)[0]))


def _authorities(home: Path) -> list[x509.Certificate]:
    """Return the trusted authorities, the newest first."""
    return x509.load_pem_x509_certificates(ca_file(home).read_bytes()) if ca_file(home).exists() else []


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime, subject: x509.Name | None = None
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _ca_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _ends(file: Path) -> datetime:
    """Return when a certificate ends; long ago if there is none."""
    if not file.exists():
        return datetime.min.replace(tzinfo=UTC)
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc


def _load_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _pem(cert: x509.Certificate) -> str:
    return cert.public_bytes(serialization.Encoding.PEM).decode()


def _pem_key(key: ec.EllipticCurvePrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
