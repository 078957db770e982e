"""Load the model of a job's options: the class `Options` in its `options.py`. For plans and starts only, never to parse a spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Any

from pydantic_core import PydanticSerializationError

from spark_jobs.counts.options import CountsOptions
from spark_jobs.runtime.options import Change, option
from weir.errors import BadSpec
from weir.jobs import options_process
from weir.jobs.base_spec import DrivenSpec
from weir.jobs.options import Model, WrongOptions, complete
from weir.jobs.options_process import NotLoaded
from weir.jobs.spec import CountsSpec, JobSpec


@dataclass(frozen=True)
class NoOptions:
    """The options of a kind that has none."""


def model_in(folder: Path, spec: JobSpec) -> Model:
    """Return the model of the job whose code is in `folder`; without an `options.py`, that of its kind. Raises BadSpec."""
    file = folder / "options.py"
    return _loaded(file, spec) if isinstance(spec, DrivenSpec) and file.is_file() else of_kind(spec)


def model_of(bundle: Path, spec: JobSpec) -> Model:
    """Return the model of a deployed version from its bundle; if it cannot be loaded, that of its kind, so that a restart still works."""
    try:
        return model_in(bundle / spec.folder, spec)
    except BadSpec:
        return of_kind(spec)


def of_kind(spec: JobSpec) -> Model:
    """Return the model of a job without an `options.py`."""
    return CountsOptions if isinstance(spec, CountsSpec) else NoOptions


def complete_spec(spec: JobSpec, model: Model) -> JobSpec:
    """Return the spec with every option of its model, checked, so that a deployed spec does not depend on defaults that may change.

    Raises BadSpec.
    """
    if not isinstance(spec, DrivenSpec):
        return spec
    try:
        found = spec.model_copy(update={"options": complete(model, spec.options)})
        found.dump()
        return found
    except (WrongOptions, PydanticSerializationError) as error:  # the latter of a value of the job's own that has no form in JSON
        raise BadSpec(f"{spec.name}/job.yaml is not valid: {error}.", "Fix the named fields.") from error


def _loaded(file: Path, spec: DrivenSpec) -> Model:
    """Return a model that has what a file declares, and the values of a spec as its rules have them: no code of the job is run here."""
    where = f"{file.parent.name}/{file.name}"
    try:
        answer = options_process.load(file, spec.options, of_counting=isinstance(spec, CountsSpec))
    except NotLoaded as error:
        joint = "" if error.cure == options_process.CURE else ":"
        raise BadSpec(f"{where}{joint} {error.why}.", error.cure) from error
    return make_dataclass("Options", [_field(each, answer["values"]) for each in answer["fields"]], frozen=True)


def _field(each: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[str, Any, Any]:
    ruled = values.get(each["name"].removesuffix("_s"), {})

    def rule(value: Any) -> Any:
        if "error" in ruled:
            raise ValueError(ruled["error"])
        return ruled.get("value", value)

    return each["name"], Any, option(_frozen(each["default"]), rule, each["meaning"], Change(each["change"]))


def _frozen(default: Any) -> Any:
    """Return a default as a dataclass takes it: JSON makes a list of a tuple."""
    return tuple(map(_frozen, default)) if isinstance(default, list) else default
