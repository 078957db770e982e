"""The client of HDFS's REST interface on a real NameNode: several addresses, and refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyarrow.fs import FileType

from tests.stores.conftest import ALL
from tests.stores.servers import FileStore
from weir.cluster.checkpoints import CheckpointFolders
from weir.cluster.webhdfs import WebHdfs
from weir.errors import NotRunning
from weir.settings import Settings

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not ALL, reason="make test-stores runs it")]
NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def web(file_stores: Callable[[str], FileStore]) -> str:
    return str(file_stores("hdfs").reach["hdfs_web"])


def test_a_name_node_that_is_away_is_passed_over(web: str) -> None:
    fs = WebHdfs([NOBODY, web], "weir")
    fs.create_dir("/weir/over")
    assert fs.get_file_info("/weir/over").type is FileType.Directory


def test_a_rename_replaces_nothing_and_moves_nothing_into_a_folder(web: str) -> None:
    fs = WebHdfs([web], "weir")
    for folder in ("/weir/one", "/weir/two"):
        fs.create_dir(folder)
    with pytest.raises(FileExistsError):
        fs.move("/weir/one", "/weir/two")
    with pytest.raises(OSError, match="RENAME"):
        fs.move("/weir/none", "/weir/three")


def test_a_user_without_the_right_is_refused(web: str) -> None:
    WebHdfs([web], "weir").create_dir("/weir/closed")
    with pytest.raises(PermissionError, match="Permission denied"):
        WebHdfs([web], "somebody").create_dir("/weir/closed/below")


def test_no_name_node_is_told_as_that() -> None:
    folders = CheckpointFolders("hdfs://none/weir", Settings(home="", hdfs_web=NOBODY))
    with pytest.raises(NotRunning, match=r"The checkpoints at hdfs://none/weir cannot be read or written: .*refused"):
        folders.attempts("job")
    assert folders.progress("hdfs://none/weir/job") is None
    assert folders.read("job", 1, 1).trouble
