"""The certificates of the embedded stack, as a TLS client judges them."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from weir.errors import Prerequisite
from weir.local import certs, folder, secrets

NOW = datetime.now(UTC)


def handshake(home: Path, name: str, host: str = "127.0.0.1", ca: bytes | None = None) -> None:
    """A handshake of a client that trusts `ca` with a server. Raises ssl.SSLError."""
    ahead, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inside.load_cert_chain(certs.cert_file(home, name), certs.key_file(home, name))
    trusting = ssl.create_default_context(cadata=(ca or certs.ca_file(home).read_bytes()).decode())
    ends = [trusting.wrap_bio(back, ahead, server_hostname=host), inside.wrap_bio(ahead, back, server_side=True)]
    while ends:
        for end in tuple(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass


def test_every_name_of_the_machine_is_in_the_certificate_of_every_server(tmp_path: Path) -> None:
    assert certs.ensure(tmp_path) == list(certs.NAMES)
    for name in certs.NAMES:
        for host in certs.HOSTS:
            handshake(tmp_path, name, host)
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        handshake(tmp_path, "kafka", "10.0.0.1")


def test_no_other_account_can_read_them(tmp_path: Path) -> None:
    certs.ensure(tmp_path)
    assert {stat.S_IMODE(file.stat().st_mode) for file in certs.folder(tmp_path).iterdir()} == {0o600}


def test_a_certificate_is_renewed_before_it_ends_and_not_sooner(tmp_path: Path) -> None:
    certs.ensure(tmp_path, NOW)
    assert certs.ensure(tmp_path, NOW + certs.VALID - certs.RENEW_BEFORE - timedelta(hours=1)) == []
    before = certs.cert_file(tmp_path, "kafka").read_text()
    assert certs.ensure(tmp_path, NOW + certs.VALID - certs.RENEW_BEFORE + timedelta(hours=1)) == list(certs.NAMES)
    assert certs.cert_file(tmp_path, "kafka").read_text() != before


def test_an_authority_is_changed_while_certificates_of_both_are_trusted(tmp_path: Path) -> None:
    certs.ensure(tmp_path)
    old = certs.ca_file(tmp_path).read_bytes()
    certs.add_authority(tmp_path)
    handshake(tmp_path, "kafka")  # of the old one
    certs.renew(tmp_path, "cassandra")
    handshake(tmp_path, "cassandra")  # of the new one
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, "cassandra", ca=old)
    certs.drop_old_authorities(tmp_path)
    handshake(tmp_path, "cassandra")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, "kafka")


@pytest.mark.parametrize("secure", [True, False])
def test_a_state_folder_stays_as_secure_as_it_was_made(secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(folder.SECURE, "1" if secure else "")
    assert folder.configure(tmp_path, lambda _: None).secure is secure
    assert secrets.user_file(tmp_path, "kafka_driver").exists() is secure
    monkeypatch.delenv(folder.SECURE)
    assert folder.configure(tmp_path, lambda _: None).secure is secure and folder.load(tmp_path).secure is secure
    monkeypatch.setenv(folder.SECURE, "0" if secure else "1")
    with pytest.raises(Prerequisite, match="weir clean"):
        folder.configure(tmp_path, lambda _: None)
