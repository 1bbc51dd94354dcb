"""The FINN side of the truth check: routed nodes beside the models of backends/finn, and FINN's own figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from backends.cost.amounts import Amount, summed
from backends.finn.design.fifos import WidthConverter
from backends.finn.resources import formulas, models
from backends.finn.resources.models import Calibration
from calibration.conformal import FEW_PROJECTS, FEW_ROWS
from calibration.finn.fit import calibration
from calibration.finn.parts import kind_of
from calibration.finn.points import routed, synthesised
from calibration.finn.rows import BY_KEY, Sample
from calibration.tables import AIMS, Outcome, Section, Summary, Table, summary

METRICS = ("cycles", "bram18", "dsp", "lut", "ff")
RESOURCES = ("lut", "ff", "bram18", "dsp")
LINKS = {"StreamingFIFO_rtl", "StreamingDataWidthConverter_rtl", "StreamingDataWidthConverter_hls"}


def calibrations(samples: Sequence[Sample], cross_validate: bool) -> list[Calibration]:
    """What each sample is predicted by: the shipped calibration, or a fit to the other repositories.

    Of a single repository each row is predicted by its other rows.
    """
    if not cross_validate:
        return [models.shipped()] * len(samples)
    several = len({sample.row.repository for sample in samples}) > 1
    units = [sample.row.repository if several else sample.row.place for sample in samples]
    fits = {
        unit: _fitted([sample for sample, other in zip(samples, units, strict=True) if other != unit])
        for unit in dict.fromkeys(units)
    }
    return [fits[unit] for unit in units]


def outcomes(samples: Sequence[Sample], fits: Sequence[Calibration]) -> list[Outcome]:
    """Every metric of every sample, each predicted by its calibration."""
    results = []
    for sample, own in zip(samples, fits, strict=True):
        for metric, measured in sample.row.measured.items():
            amount = sample.amount(metric, own)
            reason = sample.reason or _reason(sample, metric) if amount is None else ""
            results.append(Outcome(sample.row, metric, measured, amount, reason))
    return results


def _reason(sample: Sample, metric: str) -> str:
    if metric == "cycles":
        return f"no model of the cycles of {sample.row.layer}"
    return "no other row of its kind, and no model without one"


def _fitted(samples: Sequence[Sample]) -> Calibration:
    return models.by_model(calibration(routed(samples) + synthesised()))


def by_finn(samples: Sequence[Sample]) -> list[Outcome]:
    """The same rows by FINN's own formulas, which give cycles, LUT, block RAM and DSP."""
    results = []
    for sample in samples:
        for metric, measured in sample.row.measured.items():
            value = _finn(sample, metric)
            if value is not None:
                amount = Amount(value, value, value, "finn", "FINN's formula")
                results.append(Outcome(sample.row, metric, measured, amount))
    return results


def _finn(sample: Sample, metric: str) -> float | None:
    if isinstance(sample.part, WidthConverter) and metric == "lut":
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


def designs(samples: Sequence[Sample], fits: Sequence[Calibration]) -> list[Outcome]:
    """The sums of whole designs, of all nodes that the models speak of."""
    builds: dict[str, list[tuple[Sample, Calibration]]] = {}
    for sample, own in zip(samples, fits, strict=True):
        if sample.is_placed and "lut" in sample.row.measured:
            builds.setdefault(sample.row.project, []).append((sample, own))
    results = []
    for nodes in builds.values():
        first, own = nodes[0][0].row, nodes[0][1]
        for key in RESOURCES:
            known = [(sample, amount) for sample, _ in nodes if (amount := sample.amount(key, own))]
            parts = models.of_sum({BY_KEY[key]: tuple(amount for _, amount in known)}, own)
            total = summed(parts[BY_KEY[key]])
            amount = Amount(total.value, total.low, total.high, "total", "")
            measured = sum(sample.row.measured[key] for sample, _ in known)
            results.append(Outcome(first, key, measured, amount))
    return results


def sections(samples: Sequence[Sample], fits: Sequence[Calibration], results: Sequence[Outcome]) -> Iterator[Section]:
    """Tables of all nodes, of whole designs, of each build and each type, of FINN's figures, and of what is not
    modelled."""
    sums = designs(samples, fits)
    if len({outcome.row.project for outcome in sums}) > 1:
        yield "Whole designs: all nodes, FIFOs and converters, without the shell", summary(sums, RESOURCES)
        yield "Each design: predicted (interval), built", _every_design(sums)
    for title, is_link in (("Nodes without FIFOs and converters", False), ("FIFOs and converters", True)):
        group = [outcome for outcome in results if (kind_of(outcome.row.layer) in LINKS) is is_link]
        yield title, summary(group, METRICS)
    yield f"By type of node: {CELLS}", _by("node", results, lambda outcome: kind_of(outcome.row.layer))
    if len({outcome.row.project for outcome in results}) > 1:
        yield f"By build: {CELLS}", _by("build", results, _build)
    yield "By FINN's own formulas", summary(by_finn(samples), METRICS)
    unknown = [outcome for outcome in results if outcome.amount is None]
    if unknown:
        counts = Counter(outcome.reason for outcome in unknown).most_common()
        yield "Not modelled", [["reason", "numbers"], *([reason, str(count)] for reason, count in counts)]


def _every_design(sums: Sequence[Outcome]) -> Table:
    rows = []
    for name in dict.fromkeys(_build(outcome) for outcome in sums):
        own = {outcome.metric: outcome for outcome in sums if _build(outcome) == name}
        rows.append([name, *(_cell(own[key]) for key in RESOURCES)])
    return [["design", *RESOURCES], *rows]


def every_node(samples: Sequence[Sample], results: Sequence[Outcome]) -> Section:
    rows = []
    for sample in samples:
        own = {outcome.metric: outcome for outcome in results if outcome.row is sample.row}
        cells = [_cell(own[metric]) if metric in own else "" for metric in METRICS]
        rows.append([sample.row.module.split("/")[-1].replace("StreamingDataflowPartition_", ""), *cells])
    return "Every node: predicted (interval), measured", [["node", *METRICS], *rows]


CELLS = "median error / aim met / 90 % interval holds"


def _by(title: str, results: Sequence[Outcome], key: Callable[[Outcome], str]) -> Table:
    rows = []
    for name in sorted({key(outcome) for outcome in results}):
        group = [outcome for outcome in results if key(outcome) == name]
        count = len({outcome.row.place for outcome in group})
        cells = (_cells([outcome for outcome in group if outcome.metric == metric]) for metric in METRICS)
        rows.append([name, str(count), *cells])
    return [[title, "rows", *(f"{metric}, {AIMS[metric][0]}" for metric in METRICS)], *rows]


def _cells(results: Sequence[Outcome]) -> str:
    if not any(outcome.amount for outcome in results):
        return "-" if results else ""
    _, _, _, middle, _, met, holds = Summary(results[0].metric, results).cells()
    return f"{middle} / {met.split()[0]} / {holds}"


def _build(outcome: Outcome) -> str:
    return f"{outcome.row.repository}, {outcome.row.design.split('/')[0]}"


def _cell(outcome: Outcome) -> str:
    if outcome.amount is None:
        return f"-, {outcome.measured:,.0f}"
    return f"{outcome.value:,.0f} ({outcome.amount.low:,.0f} to {outcome.amount.high:,.0f}), {outcome.measured:,.0f}"


PAGE = """# FINN's estimates against routed builds

How far the project's FINN estimates are from what Vivado counted in accelerators that others built and published. This
page is what the following prints. The rows in `../shared/truth` are not part of this repository; the others are, with
where each comes from ([calibration/rows](../../calibration/rows/README.md)).

```sh
{command}
```

{rows} nodes of {builds} builds and of one collection of synthesised nodes.
Tools: {tools}.
Parts: {parts}.
{how}

- Builds are of FINN 0.9 to 0.10 and of finn-plus 1.4, 100 MHz. finn-plus 1.6.1 has the same RTL of windows, padding and
  thresholds, but another matrix unit and FIFO. Its matrix unit, which is in no build here, is fitted to open
  synthesis; the `MVAU_rtl` below are its predecessors, with a resource model of their own.
- Which counts the models are linear in was chosen with these rows in view; coefficients and intervals were not. A model
  that fewer rows of other projects are left for than it has coefficients is not tested: "not modelled". Where it is
  certain but for a constant (thresholds), what is certain stands, as unsure as the least sure model of the metric.
- Intervals are of kinds of node, FIFOs apart, and reach as far as misses of projects held out do; kinds of fewer than
  {few_rows} rows or {few_projects} projects have at least the interval of all nodes together. Those of whole designs
  are of what the sums of designs missed, by Student's t over projects.
- Seven builds are of one author, five of one network: where three miss, they miss together. A node that is not modelled
  is left out of both sides of a sum.
- Vitis HLS 2022 takes two registers for a bit of an HLS unit's weights, 2023 and later four: a model for each.
- Rows of `ArthurEly/hara` are of synthesis out of context; their LUTs, which placement shares, are left out.
- Configurations come from what each build's folder holds beside its counts: folding, cycles, the generated block
  design, the network. Where a FIFO's depth is not recorded it is what its shift registers say, of an IP in block RAM
  what its own registers say (five of `cnv`): these few do not test what they were read from.
- Thresholds of a network's input are the same for all channels; what Vivado makes of them hangs on their values, which
  the models do not see.
- A max pool over a single column is another function than a two-dimensional one: more LUTs. One project alone has
  any (RadioFINN, 14 nodes), so its LUTs are modelled, but not tested here.
- The error of padding's LUTs is Vivado's: it gave two nodes of one design and one configuration 172 and 326.
- FIFOs in block RAM are an IP of Vivado's: 28 to 47 LUTs by Vivado 2022, 55 to 86 by 2024.1. One model stands for both.
- Cycles are those of a csynth report: FINN's and the 10 of the pipeline.
- FINN's formulas say nothing of FFs, and FIFOs are no part of its estimate.
- Errors are relative; of a measured 0, absolute.
"""


def page(samples: Sequence[Sample], cross_validate: bool, command: str) -> str:
    """The text above the tables in docs/reference/truth-finn.md; `command` prints it."""
    how = "Each repository is predicted by models fitted to the others." if cross_validate else "The models as shipped."
    rows = [sample.row for sample in samples if "ff" in sample.row.measured]
    tools = ", ".join(sorted({f"Vivado {row.version}" for row in rows if row.version}))
    parts = ", ".join(sorted({row.device for row in rows}))
    builds = len({sample.row.project for sample in samples if sample.is_placed and "ff" in sample.row.measured})
    return PAGE.format(
        command=command,
        rows=len(rows),
        builds=builds,
        tools=tools,
        parts=parts,
        how=how,
        few_rows=FEW_ROWS,
        few_projects=FEW_PROJECTS,
    )
