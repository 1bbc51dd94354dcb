"""How predictions compare with what was counted, as tables: of all rows, by kind of layer, by tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from csynth_rows import METRICS, Row

from backends.hls4ml import laws
from backends.hls4ml.laws import Amount

AIMS: Mapping[str, tuple[str, Callable[[float, float], bool]]] = {
    "cycles": ("within 2 %", lambda value, true: abs(value - true) <= 0.02 * true),
    "bram18": ("within 1", lambda value, true: abs(value - true) <= 1),
    "dsp": ("exact", lambda value, true: value == true),
    "lut": ("within 25 %", lambda value, true: abs(value - true) <= 0.25 * true),
    "ff": ("within 25 %", lambda value, true: abs(value - true) <= 0.25 * true),
}

GROUPS = ("weights in memory (Resource, reuse above 1)", "weights as constants (Latency, or reuse of 1)", "no weights")


@dataclass(frozen=True)
class Outcome:
    """One metric of one row; `amount` is None where nothing is predicted, for the `reason`."""

    row: Row
    group: str
    metric: str
    measured: float
    amount: Amount | None
    reason: str = ""

    @property
    def value(self) -> float:
        assert self.amount is not None
        return float(round(self.amount.value))

    @property
    def error(self) -> float:
        """Relative; of a measured 0, absolute."""
        return abs(self.value - self.measured) / max(self.measured, 1)

    @property
    def covered(self) -> bool:
        assert self.amount is not None
        return round(self.amount.low) <= self.measured <= round(self.amount.high)


@dataclass(frozen=True)
class Summary:
    """How one metric fared over some rows."""

    metric: str
    found: Sequence[Outcome]

    def cells(self) -> list[str]:
        known = [one for one in self.found if one.amount]
        head = [self.metric, str(len(known)), str(len(self.found) - len(known))]
        if not known:
            return [*head, *["-"] * 4]
        errors = sorted(one.error for one in known)
        aim, meets = AIMS[self.metric]
        met = sum(meets(one.value, one.measured) for one in known) / len(known)
        covered = sum(one.covered for one in known) / len(known)
        p90 = errors[ceil(0.9 * len(errors)) - 1]
        return [*head, _percent(median(errors)), _percent(p90), f"{_percent(met)} {aim}", _percent(covered)]


HEADER = ["metric", "predicted", "not modelled", "median error", "90th percentile", "aim met", "90 % interval holds"]


def sections(results: Sequence[Outcome], abroad: Sequence[Outcome]) -> Iterator[tuple[str, list[list[str]]]]:
    """(title, table) of all rows, of each kind of layer, and of each tool; `abroad` by laws of other repositories."""
    kinds = [("All rows", list(results)), ("All rows, with whole repositories held out", list(abroad))]
    kinds += [(f"Layers with {group}", [one for one in results if one.group == group]) for group in GROUPS]
    for tool in ("vitis", "vivado"):
        versions = sorted({one.row.version for one in results if one.row.tool == tool})
        title = f"{tool.title()} HLS {', '.join(versions)}"
        kinds.append((title, [one for one in results if one.row.tool == tool]))
    for title, found in kinds:
        if found:
            by_metric = [Summary(metric, [one for one in found if one.metric == metric]) for metric in METRICS]
            yield title, [HEADER, *(one.cells() for one in by_metric if one.found)]
    unknown = [one for one in results if one.amount is None]
    if unknown:
        counts = Counter(one.reason for one in unknown).most_common()
        rows = {reason: {one.row.place for one in unknown if one.reason == reason} for reason, _ in counts}
        yield "Not modelled", [["reason", "rows", "numbers"], *([it, str(len(rows[it])), str(n)] for it, n in counts)]


def preface(results: Sequence[Outcome], cross_validated: bool) -> str:
    rows, projects = ({getattr(one.row, key) for one in results} for key in ("place", "project"))
    counts = f"{_counted(rows, 'row')} of {_counted(projects, 'project')}."
    if cross_validated:
        return f"{counts} Each project is predicted by laws fitted to the others."
    fitted_to = projects & {project for law in laws.shipped().values() for project in law["projects"]}
    return f"{counts} Laws as shipped, fitted to {len(fitted_to)} of these projects" + (
        ": for an honest table add --cross-validate." if fitted_to else "."
    )


def _counted(found: Collection[object], name: str) -> str:
    return f"{len(found)} {name}{'s' * (len(found) != 1)}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.0995 or not share else f"{share:.1%}"


def as_text(results: Sequence[Outcome], abroad: Sequence[Outcome]) -> Iterator[str]:
    yield preface(results, bool(abroad))
    for title, table in sections(results, abroad):
        widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
        yield f"\n{title}"
        for row in table:
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            yield "  ".join(["", row[0].ljust(widths[0]), *cells[1:]])


PAGE = """# Estimates against the truth

How far hls4ml's estimates are from what csynth counted, on projects that they were not fitted to. This page is what the
following prints. What lies in `shared` is not part of this repository; the other rows are, each with where it comes
from ([benchmarks/rows](../../benchmarks/rows/README.md)).

```sh
{command}
```

{preface}
Two prototypes of one model count as one. A row is predicted from its configuration (and that of the other rows of its
report) alone, by the laws of `flows estimate hls4ml`. The rows are read off the csynth reports that these public
repositories hold: {repositories}.

- Cycles are csynth's worst case of one frame, which charges every pixel as if it completed a window.
- Errors are relative; of a measured 0, absolute.
- What the generated code fixes is not fitted, and the same in every fold: a DSP48E1 a product, the shape of weights in
  block RAM, the turns of a loop, line buffers, the registers of a Resource product in Vitis HLS.
- Where weights are constants of the logic the counts depend on their values: DSPs are a share of the products, between
  a quarter and all of them.
- A row that names no clock is taken to have 5 ns, or 10 ns on a 7-series part; 12 ns there are as hard as 5 ns on
  UltraScale+. The clock decides where csynth puts registers.
- Versions differ: from Vitis HLS 2022.2 on a convolution by constants takes 3 cycles a pixel or more, and a pool 2 in
  2023.2 and 2024.2. The versions of hls4ml that made the rows are mostly not known, and differ too: one shifts its line
  buffer channel by channel, one keeps weights in eight times the block RAM. Their rows are among the misses.
- A reuse factor above 1 with the Latency strategy starts a pixel as often as the tool finds room for, and which weights
  a report stands for is not always what its row says (a reuse factor of 1 whose DSPs are a twelfth of the products).
- A law's interval is what 9 of 10 rows of repositories held out keep within; that of a law with fewer than three
  repositories is no narrower than what all laws of the metric missed together.
- Coefficients are fitted without the project that they predict. What a law is linear in was chosen with all rows in
  view.
"""


def as_markdown(results: Sequence[Outcome], abroad: Sequence[Outcome], command: str) -> Iterator[str]:
    """The page docs/reference/truth.md; `command` made it."""
    repositories = ", ".join(sorted({one.row.repository for one in results}))
    yield PAGE.format(command=command, preface=preface(results, bool(abroad)), repositories=repositories)
    for title, table in sections(results, abroad):
        yield f"## {title}\n"
        yield from (f"| {' | '.join(row)} |" for row in (table[0], ["---"] * len(table[0]), *table[1:]))
        yield ""
