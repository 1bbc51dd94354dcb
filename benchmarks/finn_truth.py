"""The FINN side of the truth bench: routed nodes beside the laws of backends/finn, and FINN's own figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from finn_rows import Sample
from fit_finn import calibration, points, synthesised
from truth_tables import HEADER, Outcome, Summary

from backends.finn import formulas, laws
from backends.finn.fifos import Buffer, Converter
from backends.finn.laws import Amount, Calibration

METRICS = ("cycles", "bram18", "dsp", "lut", "ff")
FITTED, TESTED = "nodes whose kind is fitted to the other rows", "nodes whose kind is fitted to no row here"


def outcomes(samples: Sequence[Sample], cross_validate: bool) -> list[Outcome]:
    """By the laws of the product; or each row by laws fitted to the others."""
    found = []
    for sample in samples:
        others = [one for one in samples if one.key != sample.key] if cross_validate else []
        laws_of_others = _calibration(others) if cross_validate else laws.shipped()
        for metric, measured in sample.row.measured.items():
            amount = sample.amount(metric, laws_of_others)
            fitted = isinstance(sample.part, Buffer | Converter)
            reason = sample.reason or ("" if amount else "no other row of its kind, and no law without one")
            found.append(Outcome(sample.row, FITTED if fitted else TESTED, metric, measured, amount, reason))  # type: ignore[arg-type]
    return found


def _calibration(samples: Sequence[Sample]) -> Calibration:
    return {(law["law"], law["metric"]): law for law in calibration(points(samples) + synthesised())}


def by_finn(samples: Sequence[Sample]) -> list[Outcome]:
    """The same rows by FINN's own formulas, which speak of LUT, block RAM and DSP."""
    found = []
    for sample in samples:
        for metric, measured in sample.row.measured.items():
            value = _finn(sample, metric)
            if value is not None:
                amount = Amount(value, value, value, "finn", "FINN's formula")
                found.append(Outcome(sample.row, TESTED, metric, measured, amount))  # type: ignore[arg-type]
    return found


def _finn(sample: Sample, metric: str) -> float | None:
    if isinstance(sample.part, Converter) and metric == "lut":
        return formulas.converter_lut(sample.part.taken, sample.part.put)
    if not isinstance(sample.part, tuple):
        return None
    node, fold, memory = sample.part
    values = {
        "lut": formulas.lut(node, fold, memory),
        "bram18": formulas.bram18(node, fold, memory),
        "dsp": formulas.dsp(node, fold),
        "cycles": node.cycles(fold),
    }
    return values.get(metric)


def sections(samples: Sequence[Sample], cross_validate: bool) -> Iterator[tuple[str, list[list[str]]]]:
    """(title, table): of all nodes, of those fitted and not fitted to, of FINN's figures; and every node."""
    found = outcomes(samples, cross_validate)
    groups: Mapping[str, list[Outcome]] = {
        "All nodes": found,
        "Nodes whose kind no row here was fitted to": [one for one in found if one.group == TESTED],
        "By FINN's own formulas": by_finn(samples),
    }
    for title, group in groups.items():
        tables = [Summary(metric, [one for one in group if one.metric == metric]) for metric in METRICS]
        yield title, [HEADER, *(one.cells() for one in tables if one.found)]
    rows = []
    for sample in samples:
        here = {one.metric: one for one in found if one.row is sample.row}
        cells = [_cell(here[metric]) if metric in here else "" for metric in METRICS]
        rows.append([sample.row.module.split("/")[-1].replace("StreamingDataflowPartition_", ""), *cells])
    yield "Every node: predicted (interval), measured", [["node", *METRICS], *rows]
    unknown = [one for one in found if one.amount is None]
    if unknown:
        counts = Counter(one.reason for one in unknown).most_common()
        yield "Not modelled", [["reason", "numbers"], *([reason, str(count)] for reason, count in counts)]


def _cell(one: Outcome) -> str:
    if one.amount is None:
        return f"-, {one.measured:,.0f}"
    return f"{one.value:,.0f} ({one.amount.low:,.0f} to {one.amount.high:,.0f}), {one.measured:,.0f}"


PAGE = """# FINN's estimates against the truth

How far the project's FINN estimates are from what Vivado routed. This page is what the following prints; the rows are
not part of this repository.

```sh
{command}
```

{rows} rows of one build: Vivado 2022.2 and Vitis HLS 2022.2, xc7z010, 100 MHz, a FINN older than finn-plus 1.6.1.
{how}

- The rows of one build cannot tell how far off the next one is: expect worse than this table elsewhere. With one
  project no project can be held out; a configuration and its equals are held out together. The intervals are wide for
  that reason, and hold more often than in 90 % of these rows.
- FIFOs and width converters are fitted to the other rows of their kind. The matrix unit, padding and windows are fitted
  to open synthesis (Yosys 0.70) of the RTL in finn-plus 1.6.1, its LUTs divided by 1.40: no row here had a part in it.
  What a law is linear in was chosen with all rows in view.
- Cycles are those of a csynth report: FINN's and the 10 of the pipeline.
- The max-pool is of a kind that finn-plus 1.6.1 builds no more (it builds a window and a pooling); FINN expected 980
  cycles of it, csynth counts 3,423: 3.5 times. The DMA engines are part of the shell, charged as routed.
- FINN's formulas say nothing of FFs, and FIFOs are no part of its estimate.
- Errors are relative; of a measured 0, absolute.
"""


def as_markdown(samples: Sequence[Sample], cross_validate: bool, command: str) -> Iterator[str]:
    """The page docs/reference/truth-finn.md; `command` made it."""
    how = "Each is predicted by laws fitted to the others." if cross_validate else "Laws as shipped, fitted to them."
    yield PAGE.format(command=command, rows=len(samples), how=how)
    for title, table in sections(samples, cross_validate):
        yield f"## {title}\n"
        yield from (f"| {' | '.join(row)} |" for row in (table[0], ["---"] * len(table[0]), *table[1:]))
        yield ""


def as_text(samples: Sequence[Sample], cross_validate: bool) -> Iterator[str]:
    for title, table in sections(samples, cross_validate):
        widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
        yield f"\n{title}"
        for row in table:
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            yield "  ".join(["", row[0].ljust(widths[0]), *cells[1:]])
