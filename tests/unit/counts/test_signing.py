"""The scanner over bytes, and that signatures group messages as a person would."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pytest

from spark_jobs.counts.signature_rules import KINDS, Changes
from tests.unit.counts.messages import GROUPS, VECTORS
from weir.counts.signing import sign


@pytest.mark.parametrize(("message", "signature"), VECTORS)
def test_the_vectors(message: str, signature: str) -> None:
    assert sign(message) == signature


def accuracy(messages: Sequence[tuple[int, str]]) -> float:
    """Return the share of messages whose group is exactly the person's (Zhu et al. 2019)."""
    persons, ours = defaultdict[int, set[int]](set), defaultdict[str, set[int]](set)
    for n, (kind, message) in enumerate(messages):
        persons[kind].add(n)
        ours[sign(message)].add(n)
    right = {frozenset(group) for group in persons.values()}
    return sum(len(group) for group in ours.values() if frozenset(group) in right) / len(messages)


@pytest.mark.parametrize("system", GROUPS)
def test_messages_are_grouped_as_a_person_would(system: str) -> None:
    assert accuracy([(n, message) for n, kind in enumerate(GROUPS[system]) for message in kind]) == 1.0


def test_an_ipv6_client_is_one_kind() -> None:
    clients = ("::1", "2001:db8::1", "dead:beef:cafe::1", "fe80::a:b%eth0", "2001:db8:0:1:2:3:4:5", "::ffff:10.0.0.1", "abcd::", "10.0.0.1")
    assert len({sign(f"client {client} sent too many requests") for client in clients if client != "abcd::"}) == 1
    assert len({sign(f"client [{client}]:443 left") for client in clients[:6]}) == 1


def test_ids_of_modsecurity_do_not_tell_lines_apart() -> None:
    ids = (
        "YkXq@cCoAQIAABBh7nQAAAAA",
        "WqPYaX8AAQEAAAc-YFMAAAAB",
        "ZQzB_abcDEFghijKLMnopQRs",
        "aGVsbG8gd29ybGRz-AAAA@ab",
        "XyZ12345678901234567890a",
        "VVvvWWwwXXxxYYyyZZzz@-AB",
    )
    lines = [
        f'ModSecurity: Warning. {what} [file "/etc/modsecurity/{n}.conf"] [line "{n}"] [id "94{n}100"] [msg "{msg}"] '
        f'[data "Matched Data: <x{n}> found"] [hostname "shop{n}.example.com"] [uri "/a/{n}"] [unique_id "{one}"]'
        for n, one in enumerate(ids)
        for what, msg in (
            ("detected XSS using libinjection.", "XSS Attack Detected"),
            ("Operator GE matched 5 at TX:score.", "Anomaly Score"),
        )
    ]
    assert (len(set(lines)), len(set(map(sign, lines)))) == (12, 2)


@pytest.mark.parametrize(
    "line",
    [
        "AH01618: user {} not found: /wp-admin",
        'user {}: authentication failure for "/admin": Password Mismatch',
        "Failed password for invalid user {} from 203.0.113.9 port 4711 ssh2",
        "Failed password for {} from 203.0.113.9 port 4711 ssh2",
        'password authentication failed for user "{}"',
        "Login failed for user '{}'. [CLIENT: 203.0.113.9]",
        "auth failed: user=<{}>, method=PLAIN, rip=203.0.113.9",
        "pam_unix(sshd:auth): authentication failure; ruser={} rhost=203.0.113.9 user={}",
    ],
)
def test_a_dictionary_attack_is_one_kind(line: str) -> None:
    names = (
        "admin",
        "root",
        "test",
        "user",
        "john.doe",
        "mary-ann",
        "x" * 30,
        "db2inst1",
        "www-data",
        "a_b",
        "info@example.com",
        "Administrator",
    )
    assert len({sign(line.replace("{}", f"{name}{n or ''}")) for name in names for n in range(3)}) == 1


def test_a_job_changes_the_rules() -> None:
    changes = Changes(keep=("web7",), mask=("blue", "green"), mask_after=("tenant", "order id"), without=("host",))
    message = "web7 at blue of tenant acme, order id: abc of shop.example.com port 80"
    assert sign(message, changes) == "web7 at * of tenant *, order id: * of shop.example.com port *"
    assert sign(message) == "* at blue of tenant acme, order id: abc of * port *"


@pytest.mark.parametrize("kind", KINDS)
def test_each_class_can_be_left_out(kind: str) -> None:
    left_out = Changes(without=(kind,))
    assert any(sign(message) != sign(message, left_out) for message, _ in VECTORS)
