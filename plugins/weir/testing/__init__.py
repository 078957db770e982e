"""In-memory stand-ins with a settable clock, for Weir's tests and for yours. tests/contract holds them to what the real parts do."""

from weir.testing.broker import MemoryBroker
from weir.testing.checkpoints import MemoryCheckpoints
from weir.testing.clock import Clock
from weir.testing.cluster import MemoryCluster
from weir.testing.folders import MemoryFolders
from weir.testing.store import MemoryStore

__all__ = ["Clock", "MemoryBroker", "MemoryCheckpoints", "MemoryCluster", "MemoryFolders", "MemoryStore"]
