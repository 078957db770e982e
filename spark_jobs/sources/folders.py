"""What a spec may say of a folder that is a source, and which files Spark reads there. Pure, standard library only.

Spark's listing was observed with pyspark 4.2: files directly in the folder, and those in folders whose names have the form `column=value`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

FORMATS = ("csv", "json", "text")
MOST_FILES = 1000  # of a batch, unless the spec says otherwise: what is recorded of a batch stays below 100 KB
SCHEMES = ("file", "hdfs", "viewfs", "s3a")
PATTERN = "*?[]{}\\"  # Spark reads a path with one of these as a pattern
# Options of Spark's reader that Weir sets itself, or that make Spark read other files than Weir counts, or delete files of landed batches.
REFUSED = frozenset({
    "path", "maxfilespertrigger", "maxbytespertrigger", "latestfirst", "maxfileage", "filenameonly", "cleansource", "sourcearchivedir",
    "pathglobfilter", "recursivefilelookup", "ignoremissingfiles", "ignorecorruptfiles", "modifiedbefore", "modifiedafter",
})  # fmt: skip


def uri_of(path: str) -> str:
    """Return the URI of a folder, by which the ledger knows it. Raises ValueError if Spark would not read just this folder."""
    uri = f"file://{path}" if path.startswith("/") else path
    scheme, _, rest = uri.partition("://")
    if scheme not in SCHEMES or (scheme == "file" and not rest.startswith("/")) or not rest.strip("/"):
        raise ValueError(f"must be an absolute path, or a URI that begins with {', '.join(f'{each}://' for each in SCHEMES)}")
    if any(letter in path for letter in PATTERN):
        raise ValueError(f"must have none of {' '.join(PATTERN)}, which Spark reads as a pattern")
    return uri.rstrip("/")


def refused(options: Iterable[str]) -> list[str]:
    """Return the options that a spec must not set."""
    return sorted(name for name in options if name.lower() in REFUSED)


def hidden(name: str) -> bool:
    """Return whether Spark ignores a file or folder of this name."""
    read = name.startswith(("_metadata", "_common_metadata")) or (name.startswith("_") and "=" in name)
    return (name.startswith((".", "_")) and not read) or name.endswith("._COPYING_")


def is_partition(name: str) -> bool:
    """Return whether Spark also reads the files in a folder of this name."""
    return "=" in name and not hidden(name)


def of_inputs(inputs: Mapping[str, Mapping[str, object]]) -> dict[int, str]:
    """Return the URIs of the folders among a driver's inputs, by the position of the source."""
    return {n: str(one["folder"]) for n, one in enumerate(inputs.values()) if "folder" in one}
