"""Faults of Airflow's metadata database: killed, away, and restored from an older copy."""

from __future__ import annotations

import os
import subprocess

from drill.airflow import AWAY_S, killed
from drill.dags import RESTART, skipped
from drill.fault import Scene, enlist, fault
from drill.keeper import AIRFLOW, away
from drill.runs import Runs
from drill.stage import JOB, WHO, Stage
from drill.steady import replaced, unharmed
from weir.local import folder, postgres
from weir.local.part import LOOPBACK

enlist("F12.kill", "PostgreSQL killed", killed(["postgres"], 0.0))
enlist("F12.away", f"PostgreSQL killed, and away for {AWAY_S:.0f} s", killed(["postgres"], AWAY_S))


@fault("F12.restored", "the metadata database restored from a copy with a pending restart that was done long ago", replaces=True)
def restored(scene: Scene) -> None:
    stage, runs = scene.stage, Runs(scene.stage)
    runs.pause([RESTART])
    waiting = runs.start(RESTART, attempt=scene.attempt, by="health")
    copy = stage.home / "metadata.dump"
    _tool(stage, "pg_dump", "--format=custom", f"--file={copy}")
    scene.begins()
    stage.manager.restart(JOB, scene.attempt, WHO, "what waits in the copy is done")
    runs.pause([RESTART], False)
    replaced(scene)
    with unharmed(scene):
        with away(stage, AIRFLOW):
            _tool(stage, "pg_restore", "--clean", "--if-exists", "--single-transaction", str(copy))
        runs.pause([RESTART], False)  # in the copy it is paused
        skipped(runs, waiting)
        runs.prove()


def _tool(stage: Stage, name: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on the metadata database. Raises CalledProcessError."""
    server = folder.load(stage.home)
    where = (f"--host={LOOPBACK}", f"--port={server.ports['postgres']}", f"--username={postgres.USER}", f"--dbname={postgres.DATABASE}")
    env = {**os.environ, "PGPASSWORD": server.secrets["postgres"]}
    subprocess.run([str(postgres.binary(name)), *where, *arguments], env=env, check=True, capture_output=True)
