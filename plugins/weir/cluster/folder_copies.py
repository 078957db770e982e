"""Write a folder so that a reader can tell a whole one from one that was cut short.

Until a folder is whole, there is something at its name with `.copying`. Where folders can be renamed, that is the folder itself. An object
store cannot rename: there it is an object beside the folder, written first and deleted last.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from pyarrow.fs import FileInfo, FileSelector, FileType, LocalFileSystem

from weir.cluster.file_systems import Files

COPYING = ".copying"
AT_ONCE = 16  # files that are read or copied at the same time: a store answers each in some ms


def write(fs: Files, folder: str, contents: Mapping[str, bytes], renames: bool, bring: Callable[[str], None] | None = None) -> None:
    """Write a folder with its files; what an earlier copy left is removed first. Raises OSError.

    `bring` adds further files: it is called with where the folder is until it is whole.
    """
    delete(fs, folder + COPYING)
    if not renames:
        write_file(fs, folder + COPYING, b"")
        delete(fs, folder)
    there = folder + COPYING if renames else folder
    _write(fs, there, contents)
    if bring:
        bring(there)
    if renames:
        fs.move(folder + COPYING, folder)
    else:
        fs.delete_file(folder + COPYING)


def copy_files(fs: Files, source: str, target: str, paths: Sequence[str]) -> None:
    """Copy files by their paths from one folder below another, without reading them where the store can. Raises OSError.

    On a local disk both folders then have the same file, under two names: nothing may write into it.
    """
    for folder in sorted({path.rpartition("/")[0] for path in paths}):
        fs.create_dir(f"{target}/{folder}")
    with several() as pool:
        list(pool.map(lambda path: _copy_file(fs, f"{source}/{path}", f"{target}/{path}"), paths))


def _copy_file(fs: Files, source: str, target: str) -> None:
    if isinstance(fs, LocalFileSystem):
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:  # a file system without hard links
            fs.copy_file(source, target)
    else:
        fs.copy_file(source, target)


@contextmanager
def several() -> Iterator[ThreadPoolExecutor]:
    """Yield threads; what was not begun when the block fails is dropped."""
    pool = ThreadPoolExecutor(AT_ONCE, "checkpoint-files")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


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
