#!/bin/sh
# Prints the first Python that really runs and is 3.11 to 3.13 with venv; else says how to get one.
# PYTHON=/some/python goes first. A version manager's shim may exist and yet not run: each candidate is tried, not just looked up.
for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c '
import sys, venv, ensurepip
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then
        "$candidate" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done
found=$(python3 --version 2>&1) && echo "python3 here is $found." >&2
cat >&2 <<'END'
Weir needs Python 3.11, 3.12 or 3.13 with its venv module, and found none that runs. Install one and try again:
  Debian/Ubuntu   sudo apt-get install python3 python3-venv
  macOS           brew install python@3.13
  Fedora          sudo dnf install python3.13
If it is somewhere else: make up PYTHON=/path/to/python3.13
END
exit 1
