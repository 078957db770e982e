"""Start a program whose code lies packed in a store. Spark has downloaded this file, and `code.zip`, which is on Python's path.

    unpack.py PROGRAM [ARGUMENT...]

PROGRAM is a path in `code.zip`. In the arguments, `{folder}` stands for the folder that the program is in.
"""

from __future__ import annotations

import atexit
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

ARCHIVE = "code.zip"
FOLDER = "{folder}"


def run(program: str, *arguments: str) -> None:
    """Unpack the code into a folder that is deleted at the end, and run the program as if it had been started there."""
    home = Path(tempfile.mkdtemp(prefix="weir-code-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    with ZipFile(_archive()) as code:
        code.extractall(home)
    file = home / program
    sys.path[:0] = [str(file.parent), str(home)]
    sys.argv = [str(file), *(text.replace(FOLDER, str(file.parent)) for text in arguments)]
    runpy.run_path(str(file), run_name="__main__")


def _archive() -> Path:
    found = next((Path(each) for each in sys.path if each.endswith(f"/{ARCHIVE}")), None)
    if found is None:
        sys.exit(f"{ARCHIVE} is not on Python's path: spark-submit did not download it. Look for the cause in the log of spark-submit.")
    return found


if __name__ == "__main__":
    run(*sys.argv[1:])
