"""Write a folder so that a reader can tell a whole one from one that was cut short.

Until a folder is whole, there is something at its name with `.copying`. Where folders can be renamed, that is the folder itself. An object
store cannot rename: there it is an object beside the folder, written first and deleted last.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyarrow.fs import FileInfo, FileSelector, FileType

from weir.cluster.file_systems import Files

COPYING = ".copying"


def write(fs: Files, folder: str, contents: Mapping[str, bytes], renames: bool) -> None:
    """Write a folder with its files; what an earlier copy left is removed first. Raises OSError."""
    delete(fs, folder + COPYING)
    if renames:
        _write(fs, folder + COPYING, contents)
        fs.move(folder + COPYING, folder)
    else:
        write_file(fs, folder + COPYING, b"")
        delete(fs, folder)
        _write(fs, folder, contents)
        fs.delete_file(folder + COPYING)


def write_files(fs: Files, folder: str, contents: Mapping[str, bytes]) -> None:
    """Write files by their paths below a folder, in this order. Raises OSError."""
    for path in {f"{folder}/{name}".rpartition("/")[0] for name in contents}:
        fs.create_dir(path)
    for name, data in contents.items():
        write_file(fs, f"{folder}/{name}", data)


def write_file(fs: Files, path: str, data: bytes) -> None:
    with fs.open_output_stream(path) as stream:
        stream.write(data)


def delete(fs: Files, path: str) -> None:
    """Delete a file, or a folder with all in it, if it exists."""
    found = fs.get_file_info(path).type
    if found is FileType.Directory:
        fs.delete_dir(path)
    elif found is FileType.File:
        fs.delete_file(path)


def sizes(fs: Files, folder: str) -> dict[str, int]:
    """Return sizes by path below the folder. Files of a copy that was cut short have its name, with `.copying`, before their path."""
    name = folder.rpartition("/")[2]
    copying = fs.get_file_info(folder + COPYING).type
    if copying is FileType.File:
        return {f"{name}{COPYING}": 0, **_below(fs, folder, f"{name}{COPYING}/")}
    return _below(fs, folder) | (_below(fs, folder + COPYING, f"{name}{COPYING}/") if copying is FileType.Directory else {})


def _write(fs: Files, folder: str, contents: Mapping[str, bytes]) -> None:
    for kind in ("offsets", "commits"):
        fs.create_dir(f"{folder}/{kind}")
    write_files(fs, folder, contents)


def _below(fs: Files, root: str, prefix: str = "") -> dict[str, int]:
    found: list[FileInfo] = fs.get_file_info(FileSelector(root, allow_not_found=True, recursive=True))
    return {prefix + info.path.removeprefix(root).lstrip("/"): info.size or 0 for info in found if info.type is FileType.File}
