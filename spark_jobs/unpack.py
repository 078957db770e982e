"""Start a program whose code lies packed in a store. Spark has downloaded this file, and `code.zip`, which is on Python's path.

    unpack.py FOLDER PROGRAM [ARGUMENT...]

FOLDER and PROGRAM are paths in `code.zip`. PROGRAM is run, and can import what lies in FOLDER.
In the arguments, `{folder}` stands for FOLDER.
"""

from __future__ import annotations

import atexit
import os
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

ARCHIVE = "code.zip"
FOLDER = "{folder}"


def run(folder: str, program: str, *arguments: str) -> None:
    """Unpack the code into a folder that is deleted at the end, and run the program as if it had been started there."""
    # Beside the driver: what lies in a machine's /tmp for weeks may be cleaned away. A pod's own file system cannot be written.
    home = Path(tempfile.mkdtemp(prefix="weir-code-", dir=Path.cwd() if os.access(Path.cwd(), os.W_OK) else None))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    with ZipFile(_archive()) as code:
        code.extractall(home)
    file, own = home / program, home / folder
    sys.path[:0] = [str(file.parent), str(own), str(home)]
    sys.argv = [str(file), *(text.replace(FOLDER, str(own)) for text in arguments)]
    runpy.run_path(str(file), run_name="__main__")


def _archive() -> Path:
    found = next((Path(each) for each in sys.path if each.endswith(f"/{ARCHIVE}")), None)
    if found is None:
        sys.exit(f"{ARCHIVE} is not on Python's path: spark-submit did not download it. Look for the cause in the log of spark-submit.")
    return found


if __name__ == "__main__":
    run(*sys.argv[1:])
