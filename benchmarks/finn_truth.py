"""The FINN side of the truth bench: routed nodes beside the laws of backends/finn, and FINN's own figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from finn_parts import kind_of
from finn_rows import Sample
from fit_finn import calibration, points, synthesised
from truth_tables import AIMS, HEADER, Outcome, Summary

from backends.finn import formulas, laws
from backends.finn.fifos import Converter
from backends.finn.laws import Amount, Calibration

METRICS = ("cycles", "bram18", "dsp", "lut", "ff")
GROUP = "nodes of FINN"


def outcomes(samples: Sequence[Sample], cross_validate: bool, whole: str = "project") -> list[Outcome]:
    """By the laws of the product; or each build (or repository) by laws fitted to the others.

    Of one build each row is predicted by the others.
    """
    several = len({sample.row.project for sample in samples}) > 1
    units = [getattr(sample.row, whole) if several else sample.row.place for sample in samples]
    fits: dict[str, Calibration] = {}
    if cross_validate:
        for unit in dict.fromkeys(units):
            fits[unit] = _calibration([one for one, other in zip(samples, units, strict=True) if other != unit])
    found = []
    for sample, unit in zip(samples, units, strict=True):
        for metric, measured in sample.row.measured.items():
            amount = sample.amount(metric, fits.get(unit, laws.shipped()))
            reason = sample.reason or _reason(sample, metric) if amount is None else ""
            found.append(Outcome(sample.row, GROUP, metric, measured, amount, reason))  # type: ignore[arg-type]
    return found


def _reason(sample: Sample, metric: str) -> str:
    if metric == "cycles":
        return f"no law of the cycles of {sample.row.layer}"
    return "no other row of its kind, and no law without one"


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
                found.append(Outcome(sample.row, GROUP, metric, measured, amount))  # type: ignore[arg-type]
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
    """(title, table): of all nodes, of each build and each type, of FINN's figures, and what is not modelled."""
    found = outcomes(samples, cross_validate)
    yield "All nodes", _summary(found)
    if len({one.row.project for one in found}) > 1:
        if cross_validate:
            abroad = outcomes(samples, cross_validate, "repository")
            yield "All nodes, with whole repositories held out", _summary(abroad)
        yield f"By build: {CELLS}", _by("build", found, lambda one: _name(one))
    yield f"By type of node: {CELLS}", _by("node", found, lambda one: kind_of(one.row.layer))
    yield "By FINN's own formulas", _summary(by_finn(samples))
    unknown = [one for one in found if one.amount is None]
    if unknown:
        counts = Counter(one.reason for one in unknown).most_common()
        yield "Not modelled", [["reason", "numbers"], *([reason, str(count)] for reason, count in counts)]


def every_node(samples: Sequence[Sample], cross_validate: bool) -> tuple[str, list[list[str]]]:
    found = outcomes(samples, cross_validate)
    rows = []
    for sample in samples:
        here = {one.metric: one for one in found if one.row is sample.row}
        cells = [_cell(here[metric]) if metric in here else "" for metric in METRICS]
        rows.append([sample.row.module.split("/")[-1].replace("StreamingDataflowPartition_", ""), *cells])
    return "Every node: predicted (interval), measured", [["node", *METRICS], *rows]


CELLS = "median error / aim met / 90 % interval holds"


def _by(title: str, found: Sequence[Outcome], key: Callable[[Outcome], str]) -> list[list[str]]:
    rows = []
    for name in sorted({key(one) for one in found}):
        here = [one for one in found if key(one) == name]
        count = len({one.row.place for one in here})
        rows.append([name, str(count), *(_cells([one for one in here if one.metric == metric]) for metric in METRICS)])
    return [[title, "rows", *(f"{metric}, {AIMS[metric][0]}" for metric in METRICS)], *rows]


def _cells(found: Sequence[Outcome]) -> str:
    if not any(one.amount for one in found):
        return "-" if found else ""
    _, _, _, middle, _, met, holds = Summary(found[0].metric, found).cells()
    return f"{middle} / {met.split()[0]} / {holds}"


def _name(one: Outcome) -> str:
    return f"{'/'.join(one.row.project.split('/')[:2])}, {one.row.design.split('/')[0]}"


def _summary(found: Sequence[Outcome]) -> list[list[str]]:
    tables = [Summary(metric, [one for one in found if one.metric == metric]) for metric in METRICS]
    return [HEADER, *(one.cells() for one in tables if one.found)]


def _cell(one: Outcome) -> str:
    if one.amount is None:
        return f"-, {one.measured:,.0f}"
    return f"{one.value:,.0f} ({one.amount.low:,.0f} to {one.amount.high:,.0f}), {one.measured:,.0f}"


PAGE = """# FINN's estimates against the truth

How far the project's FINN estimates are from what Vivado counted in accelerators that others built and published. This
page is what the following prints. `finn_nodes.json` is not part of this repository; the other rows are, with where each
comes from ([benchmarks/rows](../../benchmarks/rows/README.md)).

```sh
{command}
```

{rows} nodes of {builds} builds: {tools}.
Parts: {parts}. {how}

- All builds are of FINN 0.9 to 0.10, 100 MHz. finn-plus 1.6.1 has the same RTL of windows, padding and thresholds, but
  another matrix unit, FIFO and converter. Its matrix unit, which is in no build here, is fitted to open synthesis; the
  `MVAU_rtl` below are its predecessors, by a law of their own.
- What the laws are linear in was chosen with these rows in view; coefficients and intervals were not.
- Configurations come from what each build's folder holds beside its counts: folding, cycles, the generated block
  design, the network. Where a FIFO's depth is not recorded it is what its shift registers say, of an IP in block RAM
  what its own registers say (five of `cnv`): these few do not test what they were read from.
- The error of padding's LUTs is Vivado's: it gave two nodes of one design and one configuration 172 and 326.
- FIFOs in block RAM are an IP of Vivado's: 28 to 47 LUTs by Vivado 2022, 55 to 86 by 2024.1. One law stands for both.
- Cycles are those of a csynth report: FINN's and the 10 of the pipeline.
- FINN's formulas say nothing of FFs, and FIFOs are no part of its estimate.
- Errors are relative; of a measured 0, absolute.
"""


def as_markdown(samples: Sequence[Sample], cross_validate: bool, command: str) -> Iterator[str]:
    """The page docs/reference/truth-finn.md; `command` made it."""
    how = "Each build is predicted by laws fitted to the others." if cross_validate else "Laws as shipped."
    rows = [sample.row for sample in samples if "lut" in sample.row.measured]
    tools = ", ".join(sorted({f"Vivado {row.version}" for row in rows if row.version}))
    parts = ", ".join(sorted({row.device for row in rows}))
    builds = len({row.project for row in rows})
    yield PAGE.format(command=command, rows=len(rows), builds=builds, tools=tools, parts=parts, how=how)
    for title, table in sections(samples, cross_validate):
        yield f"## {title}\n"
        yield from (f"| {' | '.join(row)} |" for row in (table[0], ["---"] * len(table[0]), *table[1:]))
        yield ""


def as_text(samples: Sequence[Sample], cross_validate: bool) -> Iterator[str]:
    for title, table in (*sections(samples, cross_validate), every_node(samples, cross_validate)):
        widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
        yield f"\n{title}"
        for row in table:
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            yield "  ".join(["", row[0].ljust(widths[0]), *cells[1:]])
