"""The options of a job, checked against the model that it declares in its `options.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, TypeVar

from spark_jobs.runtime.options import Change, Option

T = TypeVar("T")
Model = type[Any]  # the dataclass of a job's options


class WrongOptions(ValueError):
    """Options that break a rule, by the name that job.yaml has for them."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"options.{name}: {why}" for name, why in problems.items()))
        self.problems = problems


def checked(model: type[Any], values: Mapping[str, Any], strict: bool = True) -> dict[str, Any]:
    """The values as their fields have them. Unless `strict`, what the model does not declare is left as it is.

    Raises WrongOptions.
    """
    known, found, problems = declared(model), dict(values), dict[str, str]()
    for name, value in values.items():
        try:
            if name in known:
                found[name] = _option(known[name]).rule(value)
            elif strict:
                raise ValueError(f"there is no such option; there are {', '.join(known)}")
        except Exception as error:  # noqa: BLE001 - a rule may be the user's own, and met with any value: [UTC] is no key of a dict
            problems[name] = str(error)
    if problems:
        raise WrongOptions(problems)
    return found


def complete(model: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The checked values, with the model's defaults for those that are not given. Raises WrongOptions."""
    return defaults(model) | checked(model, values)


def defaults(model: type[Any]) -> dict[str, Any]:
    """What each option is where job.yaml does not name it."""
    return {name: field.default for name, field in declared(model).items()}


def typed(model: type[T], values: Mapping[str, Any]) -> T:
    """The values as an instance of the model. What the model does not declare is left out."""
    return model(**{field.name: values[name] for name, field in declared(model).items() if name in values})


def change(model: type[Any], name: str) -> Change:
    """What a change of an option needs. One that the model does not declare any more needs nothing: nobody reads it."""
    field = declared(model).get(name)
    return _option(field).change if field else Change.NOTHING


def declared(model: type[Any]) -> dict[str, Field[Any]]:
    """The fields of a model by the name that job.yaml has for them: `pane` for `pane_s`."""
    return {field.name.removesuffix("_s"): field for field in fields(model)}


def _option(field: Field[Any]) -> Option:
    found: Option = field.metadata["option"]
    return found
