"""What `make test-compose` takes away of a Docker daemon's network: its own, and nothing else."""

from __future__ import annotations

from tests.compose import firewall

SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [5:300]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:KUBE-FORWARD - [0:0]
-A FORWARD -j KUBE-FORWARD
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i br-0123456789ab -j ACCEPT
-A FORWARD -i br-aaaaaaaaaaaa -j ACCEPT
-A DOCKER-USER -j RETURN
-A KUBE-FORWARD -m comment --comment "not DOCKER's" -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE
COMMIT
"""
MADE = {"docker0", "br-0123456789ab"}


def test_each_rule_and_chain_of_the_daemon_goes_by_itself() -> None:
    commands = [" ".join(command) for command in firewall.undo(SAVED, MADE, "ACCEPT")]
    assert commands == [
        "iptables -t filter -P FORWARD ACCEPT",
        "iptables -t filter -D FORWARD -j DOCKER-USER",
        "iptables -t filter -D FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "iptables -t filter -D FORWARD -i br-0123456789ab -j ACCEPT",
        "iptables -t filter -D DOCKER-USER -j RETURN",
        "iptables -t nat -D PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
        "iptables -t nat -D POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
        "iptables -t filter -X DOCKER",
        "iptables -t filter -X DOCKER-USER",
        "iptables -t nat -X DOCKER",
    ]


def test_a_policy_that_was_so_before_is_left_alone() -> None:
    assert firewall.policy(SAVED) == "DROP"
    assert not any("-P" in command for command in firewall.undo(SAVED, MADE, "DROP"))


def test_without_a_daemon_there_is_nothing_to_do() -> None:
    others = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -i br-aaaaaaaaaaaa -j ACCEPT\nCOMMIT\n"
    assert firewall.undo(others, set(), "ACCEPT") == []
    assert firewall.bridges("3: br-0123456789ab: <UP> mtu 1500\n4: lxcbr0: <UP>") == {"br-0123456789ab"}
