"""All faults: importing this fills the matrix, in the order in which they are played."""

from weir.drill import driver, folding, servers, source
from weir.drill.fault import MATRIX, Fault, chosen

__all__ = ["MATRIX", "Fault", "chosen", "driver", "folding", "servers", "source"]
