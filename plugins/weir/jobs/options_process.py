"""Load an `options.py` in a process of its own: what loops without end, or ends its process, must not do so to a supervisor.

The child process executes the file, checks the values of a spec by its rules, and prints what it declares as JSON. The parent never
executes code of a job.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import is_dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from spark_jobs.counts.options import CountsOptions
from spark_jobs.runtime.options import default_of
from weir.jobs.options import Model, declared

WITHIN_S = 20.0  # a start of Python takes a tenth of a second; fifty times as long on a busy machine
CURE = "Fix it. It may import only spark_jobs and the standard library."
SEE = "See spark_jobs/counts/options.py."


class NotLoaded(Exception):
    """The file cannot be used; with the cure."""

    def __init__(self, why: str, cure: str = CURE) -> None:
        super().__init__(why)
        self.why, self.cure = why, cure


def load(file: Path, values: Mapping[str, Any], of_counting: bool = True) -> Mapping[str, Any]:
    """Return what a file declares: `fields` with name, default, meaning and change, and `values`, each as its rule has it, or its error.

    With `of_counting` its class must extend CountsOptions. Raises NotLoaded.
    """
    command = [sys.executable, "-m", "weir.jobs.options_process", str(file), *(["counts"] if of_counting else [])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, input=pickle.dumps(dict(values)), env=env, capture_output=True, timeout=WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise NotLoaded(f"was still being loaded after {WITHIN_S:.0f} s: does it loop, or wait for something?") from None
    try:
        answer: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
        raise NotLoaded(f"ended the process that loaded it with exit code {done.returncode}{last and f': {last[:300]}'}") from None
    if "why" in answer:
        raise NotLoaded(answer["why"], answer["cure"])
    return answer


def _described(model: Model, values: Mapping[str, Any]) -> Mapping[str, Any]:
    known = declared(model)
    fields = [
        {"name": field.name, "default": default_of(field), "meaning": option.meaning, "change": str(option.change)}
        for field in known.values()
        for option in [field.metadata["option"]]
    ]
    ruled = {name: _ruled(known[name].metadata["option"].rule, values[name]) for name in values if name in known}
    if not any("error" in one for one in ruled.values()):
        _fit(model, {known[name].name: one["value"] for name, one in ruled.items()})
    return {"fields": fields, "values": ruled}


def _fit(model: Model, values: Mapping[str, Any]) -> None:
    """Make the options as a driver does: a model may refuse values that do not fit together. Raises NotLoaded."""
    try:
        model(**values)
    except ValueError as error:
        raise NotLoaded(f"refuses the options: {error}", "Correct job.yaml.") from error


def _ruled(rule: Any, value: Any) -> Mapping[str, Any]:
    try:
        found = rule(value)
    except Exception as error:  # noqa: BLE001 - a rule may be the user's own and get any value: [UTC] is no key of a dict
        return {"error": str(error)}
    try:
        json.dumps(found)
    except (TypeError, ValueError):
        return {"error": f"its value, a {type(found).__name__}, has no form in JSON"}
    return {"value": found}


def _executed(file: Path, of_counting: bool) -> Model:
    """Execute a file and return its model. Raises NotLoaded."""
    source = spec_from_file_location("weir_options", file)
    assert source is not None and source.loader is not None
    module = module_from_spec(source)
    sys.modules[module.__name__] = module  # a dataclass looks its module up while it is made
    try:
        source.loader.exec_module(module)
        model = module.Options
    except (Exception, SystemExit) as error:  # a sys.exit(0) in it ended the command without a message
        raise NotLoaded(f"cannot be loaded: {type(error).__name__}: {error}") from error
    if not (isinstance(model, type) and is_dataclass(model) and (not of_counting or issubclass(model, CountsOptions))):
        raise NotLoaded("Options must be a dataclass" + (" that extends CountsOptions" if of_counting else ""), SEE)
    if bare := [name for name, field in declared(model).items() if "option" not in field.metadata]:
        raise NotLoaded(f"{', '.join(bare)} is declared without option(...)", SEE)
    return model


def main() -> None:
    values, out = pickle.loads(sys.stdin.buffer.read()), sys.stdout  # noqa: S301 - the parent's own
    with redirect_stdout(sys.stderr):
        try:
            answer = _described(_executed(Path(sys.argv[1]), of_counting="counts" in sys.argv[2:]), values)
        except NotLoaded as error:
            answer = {"why": error.why, "cure": error.cure}
        try:
            text = json.dumps(answer)
        except (TypeError, ValueError) as error:
            text = json.dumps({"why": f"has a default that has no form in JSON: {error}", "cure": CURE})
    out.write(f"\n{text}\n")
    out.flush()
    os._exit(0)  # what the file has started must not keep the process


if __name__ == "__main__":
    main()
