"""What offsets are kept by: a partition of a source. The protocol takes sources as they are; only who reads them knows what they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Partition(NamedTuple):
    """A part of a source that is read in order. `source` is the identity of what is read (of a topic its id), empty where it is unknown."""

    source: str
    number: int

    def __str__(self) -> str:
        return f"{self.source}:{self.number}"

    @classmethod
    def parse(cls, text: str, source: str = "") -> Partition:
        """From `source:number`, or from the number alone, then of the given source. Raises ValueError on anything else."""
        named, colon, number = text.rpartition(":")
        return cls(named if colon else source, int(number))


Offsets = Mapping[Partition, int]
NO_NAMES: Mapping[str, str] = {}


def of_source(source: str, values: Mapping[int, T]) -> dict[Partition, T]:
    """What is known by number, of the partitions of this source."""
    return {Partition(source, number): value for number, value in values.items()}


def numbers(values: Mapping[Partition, T]) -> dict[int, T]:
    """The other way round, for partitions that are all of one source. Raises ValueError if they are not."""
    if len(sources_of(values)) > 1:
        raise ValueError(f"partitions of several sources: {', '.join(map(str, sorted(values)))}")
    return {partition.number: value for partition, value in values.items()}


def sources_of(partitions: Iterable[Partition]) -> frozenset[str]:
    return frozenset(partition.source for partition in partitions)


def identified(values: Mapping[Partition, T], sources: Collection[str]) -> dict[Partition, T]:
    """The same, with the partitions of an unknown source as those of the only one that there is."""
    (only,) = sources if len(sources) == 1 else ("",)
    return {Partition(p.source or only, p.number): value for p, value in values.items()}


def labels(partitions: Iterable[Partition], names: Mapping[str, str] = NO_NAMES) -> dict[Partition, str]:
    """Partitions for people, in order: the number alone where all are of one source, else `name/number`.

    `names` are those of the sources of a job that may have several; empty for a job of a single one.
    """
    found = sorted(set(partitions))
    several = bool(names) or len(sources_of(found)) > 1
    return {p: f"{names.get(p.source, p.source)}/{p.number}" if several else str(p.number) for p in found}


def unlabelled(values: Mapping[str, T], ids: Mapping[str, str]) -> dict[Partition, T]:
    """What `labelled` made, by partition again; `ids` are those of the sources by name. A source that has no name there is left out."""
    (only,) = ids.values() if len(ids) == 1 else ("",)
    found: dict[Partition, T] = {}
    for label, value in values.items():
        name, slash, number = label.rpartition("/")
        if not slash or name in ids:
            found[Partition(ids[name] if slash else only, int(number))] = value
    return found


def labelled(values: Mapping[Partition, T], names: Mapping[str, str] = NO_NAMES) -> dict[str, T]:
    """Values by the labels of their partitions, in order."""
    return {label: values[p] for p, label in labels(values, names).items()}
