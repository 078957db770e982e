"""Load the model of a job's options: the class `Options` in its `options.py`. For plans and starts only, never to parse a spec."""

from __future__ import annotations

import sys
from dataclasses import dataclass, is_dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from uuid import uuid4

from pydantic_core import PydanticSerializationError

from spark_jobs.counts.options import CountsOptions
from weir.errors import BadSpec
from weir.jobs.options import Model, WrongOptions, complete, declared
from weir.jobs.spec import CountsSpec, JobSpec


@dataclass(frozen=True)
class NoOptions:
    """The options of a kind that has none."""


def model_in(folder: Path, spec: JobSpec) -> Model:
    """Return the model of the job whose code is in `folder`; without an `options.py`, that of its kind. Raises BadSpec."""
    file = folder / "options.py"
    return _loaded(file) if isinstance(spec, CountsSpec) and file.is_file() else of_kind(spec)


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
    if not isinstance(spec, CountsSpec):
        return spec
    try:
        found = spec.model_copy(update={"options": complete(model, spec.options)})
        found.dump()
        return found
    except (WrongOptions, PydanticSerializationError) as error:  # the latter of a value of the job's own that has no form in JSON
        raise BadSpec(f"{spec.name}/job.yaml is not valid: {error}.", "Fix the named fields.") from error


def _loaded(file: Path) -> Model:
    where = f"{file.parent.name}/{file.name}"
    source = spec_from_file_location(f"weir_options_{uuid4().hex}", file)
    assert source is not None and source.loader is not None
    module = module_from_spec(source)
    sys.modules[module.__name__] = module  # a dataclass looks its module up while it is made
    try:
        source.loader.exec_module(module)
        model = module.Options
    except (Exception, SystemExit) as error:  # a sys.exit(0) in it ended the command without a message
        raise BadSpec(
            f"{where} cannot be loaded: {type(error).__name__}: {error}.", "Fix it. It may import only spark_jobs and the standard library."
        ) from error
    finally:
        del sys.modules[module.__name__]
    if not (isinstance(model, type) and is_dataclass(model) and issubclass(model, CountsOptions)):
        raise BadSpec(f"{where}: Options must be a dataclass that extends CountsOptions.", "See spark_jobs/counts/options.py.")
    if bare := [name for name, field in declared(model).items() if "option" not in field.metadata]:
        raise BadSpec(f"{where}: {', '.join(bare)} is declared without option(...).", "See spark_jobs/counts/options.py.")
    return model
