"""Partitions of sources, by which offsets are kept. The protocol does not need to know what a source is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Partition(NamedTuple):
    """A part of a source that is read in order. `source` is its identity (the id of a topic), empty if unknown."""

    source: str
    number: int

    def __str__(self) -> str:
        return f"{self.source}:{self.number}"

    @classmethod
    def parse(cls, text: str, source: str = "") -> Partition:
        """Parse `source:number`, or the number alone of the given source. Raises ValueError on anything else."""
        named, colon, number = text.rpartition(":")
        return cls(named if colon else source, int(number))


Offsets = Mapping[Partition, int]
FOLDER = "://"  # in the name of a folder, which is its URI and its identity, too. No topic has it in its name or its id
NO_NAMES: Mapping[str, str] = {}


def is_folder(source: str) -> bool:
    """Return whether the name or the identity of a source is a folder's.

    A folder has one partition, 0, whose position is the number of steps that Spark has read of it.
    """
    return FOLDER in source


def of_source(source: str, values: Mapping[int, T]) -> dict[Partition, T]:
    """Turn values by number into values by partition of a source."""
    return {Partition(source, number): value for number, value in values.items()}


def numbers(values: Mapping[Partition, T]) -> dict[int, T]:
    """Turn values by partition into values by number. Raises ValueError if they are of several sources."""
    if len(sources_of(values)) > 1:
        raise ValueError(f"partitions of several sources: {', '.join(map(str, sorted(values)))}")
    return {partition.number: value for partition, value in values.items()}


def sources_of(partitions: Iterable[Partition]) -> frozenset[str]:
    return frozenset(partition.source for partition in partitions)


def identified(values: Mapping[Partition, T], sources: Collection[str]) -> dict[Partition, T]:
    """Give partitions of an unknown source the identity of the only source."""
    (only,) = sources if len(sources) == 1 else ("",)
    return {Partition(p.source or only, p.number): value for p, value in values.items()}


def labels(partitions: Iterable[Partition], names: Mapping[str, str] = NO_NAMES) -> dict[Partition, str]:
    """Return labels of partitions, in order: the number alone if all are of one source, else `name/number`, and of a folder its name.

    `names` are source names by identity, of a job that may read several; empty for a job of a single source.
    """
    found = sorted(set(partitions))
    several = bool(names) or len(sources_of(found)) > 1
    return {p: _label(names.get(p.source, p.source), p.number) if several else str(p.number) for p in found}


def _label(name: str, number: int) -> str:
    return name if is_folder(name) else f"{name}/{number}"


def unlabelled(values: Mapping[str, T], ids: Mapping[str, str]) -> dict[Partition, T]:
    """Undo `labelled`; `ids` are source identities by name. Values of other sources are left out."""
    (only,) = ids.values() if len(ids) == 1 else ("",)
    found: dict[Partition, T] = {}
    for label, value in values.items():
        name, slash, number = (label, "/", "0") if is_folder(label) else label.rpartition("/")
        if not slash or name in ids:
            found[Partition(ids[name] if slash else only, int(number))] = value
    return found


def labelled(values: Mapping[Partition, T], names: Mapping[str, str] = NO_NAMES) -> dict[str, T]:
    """Return values by the labels of their partitions, in order."""
    return {label: values[p] for p, label in labels(values, names).items()}
