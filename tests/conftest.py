"""Every test imports the product as it is deployed: from the two roots, `plugins/` and the project."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
for root in (PROJECT / "plugins", PROJECT):
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
