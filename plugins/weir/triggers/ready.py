"""The name of the trigger in the release before: Airflow's database has it, for what was deferred when the code was exchanged."""

from weir.airflow.triggers.ready import ReadyTrigger

__all__ = ["ReadyTrigger"]
