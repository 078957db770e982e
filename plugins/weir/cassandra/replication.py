"""How many copies Cassandra keeps of each row, and how that may change. Pure.

Weir reads and writes with a quorum of the data centre's copies. A change is safe only if each new quorum has a node of each old one.
"""

from __future__ import annotations

from collections.abc import Mapping

from weir.errors import Conflict, TooFewNodes

USUAL = 3  # copies of a new keyspace


def copies_of(replication: Mapping[str, str], datacenter: str) -> int | None:
    """Return the copies in a data centre, by a row of system_schema.keyspaces; None for a strategy that has no number for it."""
    strategy = replication.get("class", "").rpartition(".")[2]
    text = replication.get("replication_factor" if strategy == "SimpleStrategy" else datacenter, "0").partition("/")[0]
    return int(text) if text.isdecimal() else None


def quorum(copies: int) -> int:
    return copies // 2 + 1


def check_room(keyspace: str, before: int | None, wanted: int | None, nodes: int, datacenter: str) -> None:
    """Check that the data centre has the nodes for the copies, wanted or there. Raises TooFewNodes, before anything is created."""
    of_nodes = f"{nodes} node{'' if nodes == 1 else 's'}"
    if wanted is not None and nodes < wanted:
        raise TooFewNodes(
            f"The data centre {datacenter} has {of_nodes}, and {wanted} copies of each row need {wanted}. Nothing was changed.",
            f"Add nodes, or run: weir migrate --replication {max(1, nodes)}",
        )
    if wanted is None and before is not None and nodes < quorum(before):
        raise TooFewNodes(
            f"The keyspace {keyspace} has {before} copies of each row, and the data centre {datacenter} has {of_nodes}: "
            f"a quorum of {quorum(before)} can never answer. Nothing was changed.",
            f"Add nodes, or run: weir migrate --replication {max(1, nodes)}",
        )


def check_step(keyspace: str, before: int, wanted: int, nodes: int) -> None:
    """Check that no row can be missed after the change. Raises Conflict.

    Each new quorum must have a copy that the old quorums wrote. More copies add empty ones; fewer may leave only the late ones.
    """
    in_use = 0 < quorum(before) <= nodes if before else False
    if not in_use or quorum(wanted) + quorum(before) > max(before, wanted):
        return
    step = before + (1 if wanted > before else -1)
    raise Conflict(
        f"The keyspace {keyspace} has {before} copies of each row. With {wanted} at once, Weir might read from nodes that lack rows. "
        "Nothing was changed.",
        f"Run: weir migrate --replication {step}, then nodetool repair -full {keyspace} on each node, and so on up to {wanted}.",
    )


def altered(replication: Mapping[str, str], datacenter: str, wanted: int) -> str:
    """Return the map of CQL that changes the copies in a data centre and leaves the others as they are."""
    others = {} if replication.get("class", "").endswith("SimpleStrategy") else dict(replication)
    values = {**{name: text for name, text in others.items() if name != "class"}, datacenter: str(wanted)}
    pairs = "".join(f", {quoted(name)}: {quoted(text)}" for name, text in values.items())
    return f"{{'class': 'NetworkTopologyStrategy'{pairs}}}"


def advice(keyspace: str, before: int, now: int) -> str:
    """Return what was changed, and what to run on the nodes."""
    told = f"The keyspace {keyspace} has {now} cop{'y' if now == 1 else 'ies'} of each row now, {before} before."
    if before == 0:
        return f"{told} Before Weir uses it, run on each node of this data centre: nodetool rebuild -ks {keyspace} OTHER_DATA_CENTRE"
    if now > before:
        return f"{told} Now run on each node, one after the other: nodetool repair -full {keyspace}"
    return f"{told} To free the space, run on each node: nodetool cleanup {keyspace}"


def quoted(text: str) -> str:
    """Return a string of CQL."""
    return "'" + text.replace("'", "''") + "'"
