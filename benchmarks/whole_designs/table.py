"""The table of whole designs that others built, each predicted from its configuration.

    python benchmarks/designs.py FILE [FILE ...] [--cross-validate] [--markdown]

A FILE holds rows of designs (`benchmarks.whole_designs.rows`), or the nodes of a FINN build, which a row of a design
may name in ``folding``; a build that none names is a design of its own. Each is predicted by the models that ``flows
estimate`` uses; printed are the totals beside what was built, the median error, how often the 90 % interval holds, and
whether the verdict is right: a design that was built must not be called over. ``--cross-validate`` predicts each
repository by models fitted without it. ``--markdown`` prints the page of docs/reference/designs.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from statistics import median

from benchmarks.whole_designs.laws import SHIPPED, Fits
from benchmarks.whole_designs.page import PAGE
from benchmarks.whole_designs.predictions import Prediction, predictions
from benchmarks.whole_designs.rows import Row, read, whole_build
from calibration import tables
from calibration.finn import rows as finn_rows
from calibration.finn.rows import Sample
from calibration.truth_files import records
from flows.core.clock import ClockVerdict
from flows.core.errors import FlowsError, InputError
from flows.core.evidence import RESOURCES, Metric
from flows.core.part import find_part

HELD_OUT = "Each repository is predicted by models fitted without it."
SHIPPED_LAWS = "The models are as shipped: some of these designs were fitted to."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="rows of designs, or nodes of FINN builds")
    parser.add_argument("--cross-validate", action="store_true", help="predict each repository by fits without it")
    parser.add_argument("--markdown", action="store_true", help="print the page of docs/reference")
    arguments = parser.parse_args()
    try:
        sys.exit(run(arguments.files, arguments.cross_validate, arguments.markdown))
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def run(files: Sequence[Path], cross_validate: bool, markdown: bool) -> int:
    rows: list[Row] = []
    builds: dict[str, list[Sample]] = {}
    wholes: list[Row] = []
    errors: list[InputError] = []
    for path in files:
        table = [record for record in records(path) if isinstance(record, dict)]
        if any("scope" in record for record in table):
            builds[path.stem], wrong = finn_rows.read(path)
            wholes += [row for record in table if (row := whole_build(path.stem, record))]
        else:
            designs, wrong = read(path)
            rows += designs
        errors += wrong
    named = " ".join(row.folding for row in rows)
    rows += [row for row in wholes if row.folding not in named]
    fits = Fits(sample for nodes in builds.values() for sample in nodes)
    every: list[Prediction] = []
    for row in rows:
        laws = fits.without(row.repository if cross_validate else SHIPPED)
        every += predictions(row, builds, laws)
    sections = [*summaries(every), each(every), clocks(every), rates(every), unpredicted(every)]
    sections = [(title, table) for title, table in sections if len(table) > 1]
    if markdown:
        how = HELD_OUT if cross_validate else SHIPPED_LAWS
        command = tables.wrapped(["python", "benchmarks/designs.py", *sys.argv[1:]])
        print("\n".join([PAGE.format(command=command, how=how), *tables.as_markdown(sections)]), end="")
    else:
        print("\n".join(tables.as_text(sections)))
    for error in errors:
        print(error, file=sys.stderr)
    return InputError.exit_code if errors else 0


def summaries(every: Sequence[Prediction]) -> Iterator[tables.Section]:
    """By what a prediction starts from and by flow: how far off the totals are."""
    groups = dict.fromkeys((one.start, one.row.flow) for one in every if one.totals)
    for start, flow in groups:
        group = [one for one in every if (one.start, one.row.flow) == (start, flow) and one.totals]
        lines = [line for metric in RESOURCES if (line := _summary(metric, group))]
        yield f"{flow}, from its {start}: {tables.counted(group, 'design')}", [SUMMARY, *lines]


SUMMARY = ["metric", "designs", "median error", "within 20 %", "exact", "90 % interval holds", "predicted over built"]


def _summary(metric: Metric, group: Sequence[Prediction]) -> list[str]:
    known = [
        (one.totals[metric], one.row.built[metric]) for one in group if metric in one.totals and metric in one.row.built
    ]
    if not known:
        return []
    errors = [abs(total.value - built) / max(built, 1) for total, built in known]
    holds = sum(total.low <= built <= total.high for total, built in known)
    ratios = sorted(total.value / built for total, built in known if built)
    return [
        metric.key,
        str(len(known)),
        f"{median(errors):.0%}",
        _share(sum(error <= 0.2 for error in errors), len(known)),
        _share(sum(error < 0.5 / max(built, 1) for error, (_, built) in zip(errors, known, strict=True)), len(known)),
        _share(holds, len(known)),
        f"{ratios[0]:.2f} to {ratios[-1]:.2f}" if ratios else "-",
    ]


def _share(count: int, of: int) -> str:
    return f"{count} of {of}"


def each(every: Sequence[Prediction]) -> tables.Section:
    """Every design that is predicted: predicted (interval), built."""
    lines = [
        [one.row.name, one.start, *(_cell(one, metric) for metric in RESOURCES), VERDICTS[verdict_of(one)]]
        for one in every
        if one.totals
    ]
    head = ["design", "from its", *(metric.unit for metric in RESOURCES), "verdict"]
    return "Every design: predicted (90 % interval) / built", [head, *lines]


def _cell(prediction: Prediction, metric: Metric) -> str:
    built = prediction.row.built.get(metric)
    total = prediction.totals.get(metric)
    said = f"{total.value:,.0f} ({total.low:,.0f} to {total.high:,.0f})" if total else "-"
    return f"{said} / {'-' if built is None else f'{built:,.0f}'}"


class Said(Enum):
    """What the prediction says of the fit on the part that the design was built for."""

    FITS = "fits"
    UNDECIDED = "undecided"
    OVER = "over"
    NOTHING = "-"


VERDICTS = {Said.FITS: "fits: right", Said.UNDECIDED: "undecided", Said.OVER: "over: wrong", Said.NOTHING: "-"}
"""Each design was built, so it fits its part."""


def verdict_of(prediction: Prediction) -> Said:
    """By the bounds: over where a lower one is beyond the part, fits where no upper one is."""
    try:
        device = find_part(prediction.row.part).device
    except FlowsError:
        return Said.NOTHING  # a part of another family
    if any(total.low > device.available(metric) for metric, total in prediction.totals.items()):
        return Said.OVER
    known = all(metric in prediction.totals for metric in RESOURCES)
    fits = all(total.high <= device.available(metric) for metric, total in prediction.totals.items())
    return Said.FITS if known and fits else Said.UNDECIDED


def clocks(every: Sequence[Prediction]) -> tables.Section:
    """Designs whose slack is known: the verdict on the clock before the build, and whether it was met."""
    lines = []
    for one in every:
        slack = one.row.wns_ns
        if one.clock is None or slack is None:
            continue
        met, claimed = slack >= 0, one.clock.verdict is ClockVerdict.CREDIBLE
        lines.append(
            [
                one.row.name,
                f"{one.row.clock_mhz:g}",
                one.clock.verdict.value,
                f"{slack:+.3f} ns: {'met' if met else 'missed'}",
                "right" if met is claimed else "wrong",
            ]
        )
    return "Clocks", [["design", "MHz asked", "said before", "built", "verdict"], *lines]


def rates(every: Sequence[Prediction]) -> tables.Section:
    """Designs whose rate on a board is known, beside the rate of the core that is predicted."""
    lines = [
        [one.row.name, f"{one.rate:,.0f}", f"{one.row.board_rate:,.0f}", f"{one.row.board_rate / one.rate:.0%}"]
        for one in every
        if one.rate and one.row.board_rate
    ]
    return "Images a second", [["design", "core, predicted", "board", "board of core"], *lines]


def unpredicted(every: Sequence[Prediction]) -> tables.Section:
    lines = [[one.row.name, one.row.flow, one.reason] for one in every if not one.totals]
    return "Not predicted", [["design", "flow", "reason"], *lines]
