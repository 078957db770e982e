"""Run the same work on the engines that a user might pick instead of Weir, each as its own documentation advises: `make bench-peers`.

The work: read a topic of Apache error lines from its beginning to its end, drop what is not a line of that format, is not UTF-8 or is dated
more than an hour after its arrival, and count the rest by service (the record's key), level and window of event time (30 s long, sliding by
10 s). Each writes the final counts once, to `result.json`: a sorted list of [window start in ms, service, level, n].
"""

from bench.peers.peer import Peer, Run
from bench.peers.registry import PEERS

__all__ = ["PEERS", "Peer", "Run"]
