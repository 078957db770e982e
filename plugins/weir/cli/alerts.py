"""`weir rules | alerts`: alert rules, open incidents, acknowledgements, and tests of sinks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weir.cli.common import JOB, FormatOption, JobOption, Since, Until, Wide, known, opened_store, spec_of, time_of, who
from weir.output import Format, say, show
from weir.settings import Settings

if TYPE_CHECKING:
    from weir.alerts.rules import JobRules
    from weir.alerts.sink import Sink
    from weir.cassandra.store import CassandraStore
    from weir.ports.jobs import JobStore

rules = typer.Typer(name="rules", help="Alert rules: list them, or test one on past counts.", invoke_without_command=True)
alerts = typer.Typer(name="alerts", help="Open incidents, the local inbox, and the sinks of messages.", invoke_without_command=True)
RULES = ("rule", "kind", "window", "windows", "by", "severity", "sinks", "evaluated_until")
INCIDENTS = ("incident", "severity", "since", "what", "told", "acknowledged")


@rules.callback()
def list_rules(context: typer.Context, job: JobOption = JOB, form: FormatOption = Format.TABLE) -> None:
    """List the rules of a job, and how far each was evaluated. Example: weir rules"""
    if context.invoked_subcommand:
        return
    from weir.alerts.keep import open_book
    from weir.counts.closed import NOTHING
    from weir.times import duration, iso

    settings = Settings.load()
    with opened_store(settings) as store:
        found = rules_of(settings, store, job)
        followed = open_book(store, job)[1].rules
    until = {name: iso(f.until) for name, f in followed.items() if f.until != NOTHING}
    rows = [
        {
            "rule": rule.name, "kind": rule.kind, "window": duration(rule.width), "windows": rule.windows, "by": ",".join(rule.by),
            "severity": rule.severity, "sinks": ",".join(found.sinks_of(rule)), "evaluated_until": until.get(rule.name),
        }
        for rule in found.rules
    ]  # fmt: skip
    show(rows, form, RULES, empty=f"{job} has no rules. See docs/alerts.md.")


@rules.command("test")
def test_rule(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's name; `weir rules` lists them.")],
    since: Since = None,
    until: Until = None,
    job: JobOption = JOB,
    form: FormatOption = Format.TABLE,
) -> None:
    """Print when a rule would have fired, by the stored counts; by default for the last day. Sends no messages.

    Example: weir rules test many_errors --since 2026-01-31 --until 2026-02-01
    """
    from spark_jobs.counts.cells import DAY_MS
    from weir.alerts.replay import replay
    from weir.alerts.rules import find
    from weir.errors import BadInput
    from weir.times import iso

    settings = Settings.load()
    end = time_of(until, "until") or round(time.time() * 1000)
    start = time_of(since, "since")
    start = end - DAY_MS if start is None else start
    if start >= end:
        raise BadInput(f"until: {iso(end)} is not after since, {iso(start)}.", "Give a later time.")
    with opened_store(settings) as store:
        firings = replay(store, job, find(rules_of(settings, store, job), rule), start, end)
    rows = [{"from": iso(f.start), "to": iso(f.end), "of": " ".join(f.key), "worst": f.sentence} for f in firings]
    show(rows, form, ("from", "to", "of", "worst"), empty=f"{rule} would not have fired from {iso(start)} to {iso(end)}.")


@alerts.callback()
def list_incidents(context: typer.Context, job: JobOption = JOB, form: FormatOption = Format.TABLE) -> None:
    """List the open incidents of a job, and its undelivered messages. Example: weir alerts"""
    if context.invoked_subcommand:
        return
    from weir.alerts.keep import open_book
    from weir.times import iso

    settings = Settings.load()
    with opened_store(settings) as store:
        known(settings, store, job)
        book = open_book(store, job)[1]
    rows = [
        {
            "incident": i.id, "severity": i.severity, "since": iso(i.since), "what": i.sentence, "told": i.told,
            "acknowledged": f"{i.ack.who}: {i.ack.comment}" if i.ack else None,
        }
        for i in book.incidents
    ]  # fmt: skip
    show(rows, form, INCIDENTS, empty=f"{job} has no open incidents.")
    for delivery in (d for d in book.outbox if d.trouble):
        say(f"Not delivered to {delivery.sink} after {delivery.tries} tries: {delivery.message.title}: {delivery.trouble}")


@alerts.command()
def ack(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident's id; `weir alerts` lists them.")],
    comment: Annotated[str, typer.Option("--comment", help="What you are doing about it. Everybody notified gets it.")] = "",
    job: JobOption = JOB,
) -> None:
    """Acknowledge an incident: you take care of it. Example: weir alerts ack error_counts-stream-1f2e3d --comment "looking into it" """
    from weir.alerts.incidents import acknowledge
    from weir.alerts.keep import change

    settings, now = Settings.load(), round(time.time() * 1000)
    with opened_store(settings) as store:
        rules = rules_of(settings, store, job)
        change(store, job, lambda book: acknowledge(book, rules, incident, who(), comment, now))
    say(f"{incident} is acknowledged.")


@alerts.command("test")
def test_sink(
    sink: Annotated[str, typer.Argument(metavar="SINK", help="inbox, or the id of an Airflow connection.")], job: JobOption = JOB
) -> None:
    """Send a test message to a sink. Exit code 1 if the sink does not accept it. Example: weir alerts test pager"""
    from weir.alerts.book import Message
    from weir.errors import NotDelivered

    now = round(time.time() * 1000)
    message = Message(
        f"test-{now}", "test", job, "test", "info", f"[test] {job}: this is a test", "This is a test. There is no incident.", now
    )
    with opened_store(Settings.load()) as store:
        sent = _sink(store, sink).send(message)
    if sent.trouble:
        raise NotDelivered(f"{sink} did not accept the message: {sent.trouble}.", "Fix the sink, or its Airflow connection.")
    say(f"{sink} accepted the message.")


@alerts.command()
def inbox(
    last: Annotated[int, typer.Option("--last", min=1, max=1000, help="How many messages.")] = 20,
    job: JobOption = JOB,
    wide: Wide = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the messages in the local inbox, newest first. Example: weir alerts inbox"""
    from weir.alerts.sink import message_of
    from weir.times import iso

    settings = Settings.load()
    with opened_store(settings) as store:
        known(settings, store, job)
        messages = [message_of(mail) for mail in store.mails(job, last)]
    rows = [{"at": iso(m.at), "kind": m.kind, "title": m.title, "text": m.text, "incident": m.incident} for m in messages]
    show(rows, form, ("at", "title", "text", "incident"), empty=f"The inbox of {job} is empty. --job shows that of another.", wide=wide)


def _sink(store: CassandraStore, name: str) -> Sink:
    """Return the sink. Imports Airflow only for a connection, since that takes a second."""
    if name == "inbox":
        from weir.alerts.sink import Inbox

        return Inbox(store)
    from weir.airflow.notifiers import sinks

    return sinks(store)(name)


def rules_of(settings: Settings, store: JobStore, job: str) -> JobRules:
    """Return the job's alert rules. Raises UnknownJob, BadSpec, BadRules."""
    from weir.alerts.rules import load

    return load(Path(settings.rules), spec_of(settings, store, job))
