"""Check the options of a job against the model that it declares in its `options.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, TypeVar

from spark_jobs.runtime.options import Change, Option, default_of

T = TypeVar("T")
Model = type[Any]  # the dataclass of a job's options


class WrongOptions(ValueError):
    """Options that are not valid, by their names in job.yaml."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"options.{name}: {why}" for name, why in problems.items()))
        self.problems = problems


def checked(model: type[Any], values: Mapping[str, Any], strict: bool = True) -> dict[str, Any]:
    """Check and convert the values. Unless `strict`, undeclared options are left as they are.

    Raises WrongOptions.
    """
    known, found, problems = declared(model), dict(values), dict[str, str]()
    for name, value in values.items():
        try:
            if name in known:
                found[name] = _option(known[name]).rule(value)
            elif strict:
                raise ValueError(f"unknown option; use one of {', '.join(known)}")
        except Exception as error:  # noqa: BLE001 - a rule may be the user's own and get any value: [UTC] is no key of a dict
            problems[name] = str(error)
    if problems:
        raise WrongOptions(problems)
    return found


def complete(model: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checked values, with the model's defaults for missing ones. Raises WrongOptions."""
    return defaults(model) | checked(model, values)


def defaults(model: type[Any]) -> dict[str, Any]:
    """Return the default of each option."""
    return {name: default_of(field) for name, field in declared(model).items()}


def typed(model: type[T], values: Mapping[str, Any]) -> T:
    """Return the values as an instance of the model, without undeclared ones."""
    return model(**{field.name: values[name] for name, field in declared(model).items() if name in values})


def change(model: type[Any], name: str) -> Change:
    """Return what a change of an option needs, or of a part of it, such as `services.web.time_zone`. An option that the model no longer
    declares needs nothing: it is not read."""
    field = declared(model).get(name.partition(".")[0])
    return _option(field).change if field else Change.NOTHING


def declared(model: type[Any]) -> dict[str, Field[Any]]:
    """Return the fields of a model by their names in job.yaml: `pane` for `pane_s`."""
    return {field.name.removesuffix("_s"): field for field in fields(model)}


def _option(field: Field[Any]) -> Option:
    found: Option = field.metadata["option"]
    return found
