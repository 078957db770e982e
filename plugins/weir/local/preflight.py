"""Check the prerequisites of the installation: Java 17, and a folder that programs can name. Standard library only; `make` runs this
file as a script.

find_python.sh looks for Python, since a wrong Python could not read this file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

JAVA = 17
ADVICE = f"""Install it and try again:
  Debian/Ubuntu   sudo apt-get install openjdk-{JAVA}-jre-headless
  macOS           brew install openjdk@{JAVA} && export JAVA_HOME=$(brew --prefix openjdk@{JAVA})
  Fedora          sudo dnf install java-{JAVA}-openjdk-headless
If it is installed but not found first: export JAVA_HOME=/path/to/java-{JAVA}"""


# Separators of class paths and search paths, and what shells, URIs and configuration files read as something else. Blanks and letters of
# any language work.
UNUSABLE = ":;,\"'`$\\*?#%{}[]|&<>\n\t"


def folder_problem(folder: str) -> str:
    """Return why the stack cannot run from a folder, and what to do; empty if it can."""
    bad = " ".join(repr(letter) for letter in UNUSABLE if letter in folder)
    if not bad:
        return ""
    return f"Weir cannot run from the folder {folder}: its path has {bad} in it. Move or rename the folder, then try again."


def user_problem() -> str:
    """Return why the stack cannot run as this user, and what to do; empty if it can. PostgreSQL and Spark ask for the user's name."""
    import pwd

    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return f"The user id {os.geteuid()} has no name, which PostgreSQL and Spark need. Run Weir as a user that is in /etc/passwd."
    return ""


def java_path() -> str | None:
    """Return the `java` that starts the parts: JAVA_HOME's, else the first on PATH."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=os.path.join(home, "bin") if home else None)  # noqa: PTH118  (a script for any Python)


def java_version(java: str) -> int:
    """Return the major version of `java -version`; 0 if there is none (macOS has a `java` that only asks to install one)."""
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found.group(1)) if found else 0


def java_problem() -> str:
    """Return what is wrong with Java and how to fix it; empty if nothing."""
    java = java_path()
    if java is None:
        where = f"in JAVA_HOME ({os.environ['JAVA_HOME']})" if os.environ.get("JAVA_HOME") else "on the PATH"
        return f"Weir needs Java {JAVA}, and there is no java {where}. {ADVICE}"
    version = java_version(java)
    if version != JAVA:
        found = f"Java {version}" if version else "no working Java"
        return f"Weir needs Java {JAVA}; {java} is {found}. {ADVICE}"
    return ""


if __name__ == "__main__":
    for problem in (folder_problem(os.getcwd()), java_problem()):  # noqa: PTH109
        if problem:
            sys.exit(problem)
