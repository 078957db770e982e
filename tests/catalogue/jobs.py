"""Jobs of spark_jobs/catalogue in a rig of landed jobs: their own code and specs, with the sources and the sink of a test."""

from __future__ import annotations

import os
import random
import signal
from typing import Any

import psutil
import yaml

from tests.landed.rig import CONF, LandedRig
from tests.parts import until

from . import CATALOGUE

PATIENCE_S = 600.0


def added(rig: LandedRig, name: str, job: str = "", **changes: Any) -> None:
    """Add a job as its own job.yaml has it, with some fields changed, and the rig's resources and small JVM. `job` is its name here."""
    spec = yaml.safe_load((CATALOGUE / name / "job.yaml").read_text())
    for field in ("resources", "name"):
        del spec[field]
    conf = {**CONF, **spec.pop("spark_conf", {})}
    rig.add(job or name, {**spec, "code": str(CATALOGUE / name), "spark_conf": conf, **changes})


def killed_while_it_works(rig: LandedRig, job: str, rng: random.Random) -> None:
    """End the current driver with `kill -9`, at an instant that is not chosen by what it does, and wait until it is gone."""
    pid, batch = int(until(lambda: rig.pid(job), "a driver has begun", PATIENCE_S)), rig.head(job).batch_id
    until(lambda: rig.head(job).batch_id > batch or rng.random() < 0.05, "something happens", PATIENCE_S)
    if psutil.pid_exists(pid):
        os.kill(pid, signal.SIGKILL)
    until(lambda: rig.pid(job) != pid, "the driver is gone", PATIENCE_S)
