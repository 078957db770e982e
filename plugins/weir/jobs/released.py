"""Convert specs from and to the form of release adaf5c8, in files and in the store. For one release; then this module is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_jobs.counts.options import NATIVE

# Where an option of counting is in the released form.
PLACES = {
    "line_format": ("source", "line_format"),
    "time_zone": ("source", "time_zone"),
    "pane": ("panes", "width"),
    "allowed_lateness": ("panes", "allowed_lateness"),
    "future_skew": ("panes", "future_skew"),
    "shards": ("panes", "shards"),
    "signature_cap": ("limits", "signature_cap"),
    "rejected_samples": ("limits", "rejected_samples"),
}

NEW_HEALTH: Mapping[str, Any] = {"rejected_share": 0.5, "usual_rejected_share": {}}  # fields of health that it lacks, with their defaults


def translated(values: Any) -> Any:
    """Convert a spec from the released form. One with `options` or `output` is in the present form, and is returned as it is."""
    if not isinstance(values, dict) or "options" in values or "output" in values:
        return values
    found = {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
    options = {}
    for name, (section, field) in PLACES.items():
        if isinstance(found.get(section), dict) and field in found[section]:
            options[name] = found[section].pop(field)
    if not found.get("panes", True):
        del found["panes"]
    return {**found, "options": options}


def older(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a counts spec in the released form; in the present form if that release cannot express it."""
    values = {**values, "health": _without_defaults(values["health"])}
    options, source = dict(values["options"]), dict(values["source"])
    for name in ("services", "signatures"):  # that release reads all services alike, by its own rules
        if not options.get(name, True):
            del options[name]
    if options.get("engine") == NATIVE:  # the default. That release has only Spark's functions, which give the same counts
        del options["engine"]
    if set(options) - set(PLACES) or not source["topic"] or not isinstance(options.get("line_format", ""), str):
        return dict(values)
    sections: dict[str, Any] = {"source": {"topic": source["topic"]}, "panes": {}, "limits": dict(values["limits"])}
    for name, value in options.items():
        section, field = PLACES[name]
        sections[section][field] = value
    return {name: value for name, value in values.items() if name not in ("options", "output")} | sections


def _without_defaults(health: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section without fields that earlier releases lack, where they have their defaults."""
    return {name: value for name, value in health.items() if name not in NEW_HEALTH or value != NEW_HEALTH[name]}
