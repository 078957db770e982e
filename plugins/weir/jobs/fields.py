"""Fields and parsing of typed YAML files, with errors that name the field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from spark_jobs.runtime.options import seconds
from weir.errors import WeirError
from weir.jobs.names import NAME
from weir.jobs.options import WrongOptions

# libyaml reads a spec ten times as fast as Python does; a fleet of a thousand is read for each file of DAGs.
LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
M = TypeVar("M", bound=BaseModel)

Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
WholeSeconds = Annotated[int, BeforeValidator(seconds), Field(gt=0)]
Name = Annotated[str, Field(pattern=f"^{NAME}$")]
Memory = Annotated[str, Field(pattern=r"^[1-9]\d*[mg]$")]


class Section(BaseModel):
    """A part of a file. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def as_model(model: type[M], text: str, where: str, wrong: type[WeirError]) -> M:
    """Parse YAML to a typed model. Raises `wrong` that names each field that is not valid, and the rule."""
    return validated(model, from_yaml(text, where, wrong), where, wrong)


def from_yaml(text: str, where: str, wrong: type[WeirError]) -> Any:
    """Parse YAML. Raises `wrong` if the text is not YAML."""
    try:
        return yaml.load(text, LOADER)  # noqa: S506 - a safe one
    except Exception as error:  # YAML's own, and those of what it makes: the date 2026-13-45 was a ValueError, and stopped every job
        raise wrong(f"{where} is not YAML: {error}.", "Fix the file.") from error


def validated(model: type[M], values: Any, where: str, wrong: type[WeirError]) -> M:
    """Validate values. Raises `wrong` that names each field that is not valid, and the rule."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise wrong(f"{where} is not valid: {'; '.join(_problems(error))}.", "Fix the named fields.") from error
    except Exception as error:  # of a rule: the time zone [UTC] was a TypeError, the pattern a{99999999999} an OverflowError
        raise wrong(f"{where} is not valid: {type(error).__name__}: {error}.", "Fix the file.") from error


def _problems(error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        cause = one.get("ctx", {}).get("error")
        place = ".".join(map(str, one["loc"])) or "the file"
        yield str(cause) if isinstance(cause, WrongOptions) else f"{place}: {one['msg'].removeprefix('Value error, ')}"
