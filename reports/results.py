"""What the Python API hands back: designs as values, with tables for terminals, notebooks and pandas. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from flows.core.errors import FlowsError, SetupError
from flows.core.evidence import Metric, Reading
from flows.core.fit import Fit
from flows.core.mixed import Search
from flows.core.record import Document, NetworkFacts, Run, document_to_json
from reports import csv, mixed
from reports.comparison import compare
from reports.design import Design, designs_of
from reports.pareto import Place, Ranking, parse_metrics, ranking
from reports.terminal.comparison import comparison
from reports.terminal.run import details

if TYPE_CHECKING:
    import pandas

HEADLINE = (
    Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP, Metric.LATENCY_US, Metric.INTERVAL_CYCLES, Metric.THROUGHPUT_FPS,
    Metric.FMAX_MHZ, Metric.ACCURACY,
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class Result:
    """One design: ``result["lut"]`` is the reading of the whole design that is judged, None where it is unknown."""

    network: NetworkFacts
    design: Design

    @property
    def run(self) -> Run:
        """Everything that is known: readings of blocks, notes, warnings, steps."""
        return self.design.run

    @property
    def name(self) -> str:
        """The name of the run: the same design has the same one everywhere."""
        return self.run.name

    @property
    def flow(self) -> str:
        return self.run.flow

    @property
    def part(self) -> str:
        return self.run.part

    @property
    def options(self) -> Mapping[str, str]:
        return self.run.options

    @property
    def fit(self) -> Fit:
        """The verdict, with the resource that binds and the stage that is judged."""
        return self.design.fit

    @property
    def proven(self) -> bool:
        """Whether what was built gave the integers of the exact reference, for every check image."""
        return self.run.proven

    @cached_property
    def headline(self) -> dict[str, Reading]:
        """By metric, the one reading of the whole design that is judged; an unknown is absent."""
        return {metric.key: reading for metric, reading in self.design.totals.items()}

    def __getitem__(self, metric: str) -> Reading | None:
        if metric not in {known.key for known in Metric}:
            raise KeyError(f"{metric}: one of {', '.join(known.key for known in Metric)}")
        return self.headline.get(metric)

    def row(self) -> dict[str, Any]:
        """The design as a row of a table: options, headline values (None where unknown), verdict."""
        values = {metric.key: reading.value if (reading := self[metric.key]) else None for metric in HEADLINE}
        about = {"run": self.name, "flow": self.flow, "part": self.part, "clock_ns": self.run.clock_ns}
        return {**about, **self.options, **values, "verdict": self.fit.verdict.value, "proven": self.proven}

    def __repr__(self) -> str:
        """As the command line prints it, for an interactive session too."""
        return str(self)

    def __str__(self) -> str:
        return details(Document(self.network, (self.run,)))

    def _repr_html_(self) -> str:
        return Results(Document(self.network, (self.run,)))._repr_html_()


@dataclass(frozen=True, repr=False)
class Results(Sequence[Result]):
    """Designs of one network, in the order in which they were asked for; `errors` say why others could not be had."""

    document: Document
    errors: tuple[FlowsError, ...] = ()

    @cached_property
    def _all(self) -> tuple[Result, ...]:
        return tuple(Result(self.document.network, design) for design in designs_of(self.document.runs))

    @overload
    def __getitem__(self, place: int) -> Result: ...
    @overload
    def __getitem__(self, place: slice) -> Results: ...
    def __getitem__(self, place: int | slice) -> Result | Results:
        if isinstance(place, slice):
            return Results(Document(self.document.network, self.document.runs[place]))
        return self._all[place]

    def __len__(self) -> int:
        return len(self.document.runs)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._all)

    def rows(self) -> list[dict[str, Any]]:
        """A row a design, as `Result.row`."""
        return [result.row() for result in self]

    def to_pandas(self) -> pandas.DataFrame:
        """`rows` as a table of pandas, which must be installed."""
        try:
            import pandas
        except ImportError:
            fact = "not installed, and its tables need it"
            raise SetupError("package pandas", fact, "install it: pip install pandas, or take rows()") from None

        return pandas.DataFrame(self.rows())

    def to_json(self) -> str:
        """As ``--json`` writes it: schema zynqflows/3."""
        return document_to_json(self.document)

    def to_csv(self) -> str:
        """As ``--csv`` writes it: a line a reading."""
        return csv.report(compare([self.document]))

    def __repr__(self) -> str:
        """As the command line prints them, for an interactive session too."""
        return str(self)

    def __str__(self) -> str:
        table = comparison(self.document) if len(self) else "no design"
        return "\n".join([table, *(f"error: {error}" for error in self.errors)])

    def _repr_html_(self) -> str:
        from reports.notebook import table

        return table(self.document, self.errors)


@dataclass(frozen=True, repr=False)
class Sweep(Results):
    """Estimates of many designs: `front` are those that no other one on their part beats."""

    def ranking(self, metrics: Sequence[str] | None = None) -> Ranking:
        """Each design with its place, by metrics of these names: by default images/s, accuracy where it is known of all
        designs, LUT and DSP. Raises `ValueError` for a name that is no metric to rank by."""
        return ranking(self.document, parse_metrics(metrics) if metrics is not None else None)

    def front(self, metrics: Sequence[str] | None = None) -> Results:
        """The designs that no other one beats in everything; of those that are close, `ranking` tells."""
        runs = tuple(ranked.design.run for ranked in self.ranking(metrics).ranked if ranked.place is Place.FRONT)
        return Results(Document(self.document.network, runs))

    def page(self, metrics: Sequence[str] | None = None) -> str:
        """The page of ``flows sweep --out``: one HTML file with the front and all points."""
        from reports.sweep_page import page

        return page(self.ranking(metrics))

    def _repr_html_(self) -> str:
        from reports.notebook import table

        front = self.front()
        return table(front.document, self.errors, f"{len(front)} of {len(self)} designs, which no other design beats")

    def __str__(self) -> str:
        from reports.terminal.sweep import front

        return "\n".join([front(self.ranking()), *(f"error: {error}" for error in self.errors)])


@dataclass(frozen=True, repr=False)
class Searched(Sweep):
    """Every design that a search for a mixed precision tried, in order, with its accuracy on the images that chose."""

    search: Search = field(kw_only=True)
    """What was asked and decided: which images chose, the resource that was to be saved, the rate of all designs."""

    @property
    def best(self) -> Result | None:
        """The cheapest that keeps the accuracy, with its accuracy on the test images; None where none does."""
        return Result(self.document.network, designs_of([self.search.final])[0]) if self.search.final else None

    @property
    def bits(self) -> Mapping[str, int] | None:
        """Of each tensor of `best`."""
        return self.search.best.bits if self.search.best else None

    def ranking(self, metrics: Sequence[str] | None = None) -> Ranking:
        """By default in the resource that was to be saved and accuracy."""
        return super().ranking(metrics) if metrics is not None else mixed.ranking(self.search)

    def to_json(self) -> str:
        """As ``flows search --json`` writes it: schema zynqflows-search/1."""
        return mixed.report(self.search)

    def __str__(self) -> str:
        from reports.terminal.search import outcome

        return outcome(self.search)
