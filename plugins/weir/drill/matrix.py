"""All faults: importing this fills the matrix."""

from weir.drill import checkpoint, defects, driver, folding, loss, servers, source
from weir.drill.fault import MATRIX, Fault, chosen

__all__ = ["MATRIX", "Fault", "checkpoint", "chosen", "defects", "driver", "folding", "loss", "servers", "source"]
