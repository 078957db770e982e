"""Validate a job's counts with Great Expectations: on closed panes only; it fails if there is nothing to check."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weir.counts.quality import pages
from weir.counts.quality.expectation import Law
from weir.counts.quality.expectations import FRESH_WITHIN_S, suites
from weir.counts.quality.tables import Row, Tables, gather
from weir.counts.quality.user import need_a_home
from weir.counts.rules import Rules
from weir.errors import NotProven
from weir.ports.counts import CountStore
from weir.ports.source import Source
from weir.times import iso

SITE = "weir"


@dataclass(frozen=True)
class ValidationResult:
    """The results of all expectations, and the address of their pages."""

    job: str
    laws: tuple[Law, ...]
    docs: str
    span: tuple[int | None, int | None] = (None, None)  # the first and the end of the last hour that was checked (ms)

    @property
    def broken(self) -> tuple[Law, ...]:
        return tuple(law for law in self.laws if not law.holds)

    @property
    def sentence(self) -> str:
        if not self.broken:
            return f"{self.job}: all {len(self.laws)} expectations are met."
        failed = "; ".join(law.sentence for law in self.broken)
        return f"{self.job}: {len(self.broken)} of {len(self.laws)} expectations failed: {failed}."

    def rows(self) -> list[Row]:
        return [
            {"table": x.table, "law": x.law, "holds": x.holds, "rows": x.rows, "broken": x.broken, "example": x.example} for x in self.laws
        ]

    def raise_if_broken(self) -> None:
        """Raise NotProven with each failed expectation."""
        if self.broken:
            raise NotProven(self.sentence, f"See {self.docs}, then run: weir recount {self.job}")


def validate(
    store: CountStore, source: Source, rules: Rules, docs: str, since: int | None = None, until: int | None = None
) -> ValidationResult:
    """Check all expectations. Raises NotProven if one fails or there is nothing to check, UnknownJob, NotRunning."""
    result = check(store, source, rules, docs, since, until)
    result.raise_if_broken()
    return result


def check(
    store: CountStore, source: Source, rules: Rules, docs: str, since: int | None = None, until: int | None = None, now: int | None = None
) -> ValidationResult:
    """As `validate`, but return failed expectations instead of raising. `docs` is the folder for the pages; empty for none."""
    tables = gather(store, source, rules, since, until, round(time.time() * 1000) if now is None else now)
    return replace(run(rules.job, tables, docs), span=tables.span)


def run(job: str, tables: Tables, docs: str = "", fresh_within_s: float = FRESH_WITHIN_S) -> ValidationResult:
    """Check the expectations on given tables, and write the pages to `docs`/`job`."""
    context = quiet_context()
    laws = judged(context, suites(fresh_within_s), tables.by_name())
    page = _publish(context, Path(docs) / job, laws) if docs else ""
    return ValidationResult(job, tuple(laws), page)


def judged(context: Any, suites: Mapping[str, list[Any]], tables: Mapping[str, Sequence[Row]]) -> list[Law]:
    """Run the suites on the tables of the same names."""
    laws: list[Law] = []
    for table, expectations in suites.items():
        rows = tables[table]
        laws += _judged(table, _ran(context, table, expectations, rows), len(rows))
    return laws


def quiet_context() -> Any:
    """Return a context in memory, without analytics and without output."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    need_a_home()
    import great_expectations as gx

    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.ERROR)  # it warns of a folder that it does not create
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = {"globally": False}
    context.data_sources.add_pandas("weir")
    return context


def _ran(context: Any, table: str, expectations: list[Any], rows: Sequence[Row]) -> Any:
    import great_expectations as gx
    import pandas as pd  # type: ignore[import-untyped]

    columns = next(e.column_list for e in expectations if e.expectation_type == "expect_table_columns_to_match_ordered_list")
    batch = context.data_sources.get("weir").add_dataframe_asset(table).add_batch_definition_whole_dataframe("closed panes")
    suite = context.suites.add(gx.ExpectationSuite(table, expectations=expectations))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=table, data=batch, suite=suite))
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of libraries about each other
        return definition.run(batch_parameters={"dataframe": frame}, result_format="SUMMARY")


def _judged(table: str, outcome: Any, rows: int) -> list[Law]:
    return [_law(table, one.expectation_config.meta["law"], bool(one.success), one.result, rows) for one in outcome.results]


def _law(table: str, words: str, holds: bool, found: Mapping[str, Any], rows: int) -> Law:
    examples = found.get("partial_unexpected_list") or []
    broken = 0 if holds else int(found.get("unexpected_count") or 1)
    return Law(table, words, holds, rows, broken, str(examples[0]) if examples and not holds else "")


def _publish(context: Any, folder: Path, laws: Sequence[Law]) -> str:
    """Write the pages to a new folder and swap it in, so that no reader sees half of them. Return the index page."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    context.add_data_docs_site(
        SITE,
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(new)},
        },
    )
    context.build_data_docs(site_names=[SITE])
    pages.complete(new, folder.name, laws, iso(int(time.time()) * 1000))
    new.chmod(0o755)
    old = new.with_name(new.name + ".old")
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return str(folder / "index.html")
