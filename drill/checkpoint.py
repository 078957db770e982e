"""Faults of the checkpoint: each form of damage, found at the next start."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from drill.fault import Scene, enlist
from drill.stage import JOB, WHO, Stage


def newest(stage: Stage) -> Path:
    """Return the checkpoint folder of the last attempt that worked."""
    epoch = Path(stage.settings.checkpoints) / JOB / f"epoch-{stage.head().epoch}"
    return max(epoch.glob("attempt-*"), key=lambda folder: int(folder.name.removeprefix("attempt-")))


def numbered(folder: Path) -> list[Path]:
    """Return the files of `offsets` or `commits`, oldest first."""
    return sorted((file for file in folder.iterdir() if file.name.isdecimal()), key=lambda file: int(file.name))


def torn(folder: Path) -> None:
    last = numbered(folder / "offsets")[-1]
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])


def empty(folder: Path) -> None:
    numbered(folder / "offsets")[-1].write_bytes(b"")


def garbage(folder: Path) -> None:
    numbered(folder / "offsets")[-1].write_bytes(b"v1\n{}\n{not json\n")


def no_metadata(folder: Path) -> None:
    (folder / "metadata").unlink()


def gap(folder: Path) -> None:
    numbered(folder / "offsets")[-2].unlink()


def no_commits(folder: Path) -> None:
    shutil.rmtree(folder / "commits")


def lost(folder: Path) -> None:
    shutil.rmtree(folder.parent)


def old(folder: Path) -> None:
    """Remove the newest files, as a restore from a backup does."""
    for kind in ("offsets", "commits"):
        for file in numbered(folder / kind)[5:]:
            file.unlink()
    for other in folder.parent.glob("attempt-*"):
        if other != folder:
            shutil.rmtree(other)


def leftovers(folder: Path) -> None:
    """Leave the temporary files of a killed writer."""
    (folder / "offsets" / ".7.5b3c.tmp").write_bytes(b"v1\n")
    (folder.parent / "attempt-99.copying").mkdir()


FORMS: Mapping[str, tuple[str, Callable[[Path], None]]] = {
    "torn": ("its newest file cut in half", torn),
    "empty": ("its newest file empty", empty),
    "garbage": ("its newest file no JSON", garbage),
    "metadata": ("its metadata gone", no_metadata),
    "gap": ("a file gone from the middle", gap),
    "commits": ("its commits gone", no_commits),
    "lost": ("all of it gone", lost),
    "old": ("an old copy in its place", old),
    "leftovers": ("unfinished files beside it", leftovers),
}


def damaged(damage: Callable[[Path], None]) -> Callable[[Scene], None]:
    """Stop the job, damage its checkpoint, and deploy it again."""

    def play(scene: Scene) -> None:
        stage = scene.stage
        stage.manager.stop(JOB, WHO, "its checkpoint is to be damaged")
        damage(newest(stage))
        scene.begins()
        stage.manager.deploy(JOB, WHO, "with a damaged checkpoint")

    return play


for form, (words, act) in FORMS.items():
    enlist(f"F14.{form}", f"the checkpoint damaged: {words}", damaged(act), replaces=True, verdicts=frozenset({"stopped", "diverged"}))
