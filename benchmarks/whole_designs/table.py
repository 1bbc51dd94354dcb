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
from collections.abc import Sequence
from pathlib import Path

from benchmarks.whole_designs.errors import measures, summaries
from benchmarks.whole_designs.fitted import SHIPPED, Fits
from benchmarks.whole_designs.page import PAGE
from benchmarks.whole_designs.prediction import Prediction
from benchmarks.whole_designs.predictions import predictions
from benchmarks.whole_designs.rows import Row, read, whole_build
from benchmarks.whole_designs.targets import part_of
from calibration import tables
from calibration.finn import rows as finn_rows
from calibration.finn.rows import Sample
from calibration.truth_files import records
from flows.core.clock import ClockVerdict
from flows.core.errors import FlowsError, InputError
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from flows.core.fit import Verdict, judge

HELD_OUT = "Each repository is predicted by models fitted without it."
SHIPPED_MODELS = "The models are as shipped: some of these designs were fitted to."


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
        try:
            table = [record for record in records(path) if isinstance(record, dict)]
            if any("scope" in record for record in table):
                builds[path.stem], wrong = finn_rows.read(path)
                wholes.append(whole_build(path.stem, table))
            else:
                designs, wrong = read(path)
                rows += designs
            errors += wrong
        except InputError as unreadable:
            errors.append(unreadable)
    named = " ".join(row.folding for row in rows)
    rows += [row for row in wholes if row.folding not in named]
    fits = Fits(sample for nodes in builds.values() for sample in nodes)
    every: list[Prediction] = []
    for row in rows:
        fitted = fits.without(row.repository if cross_validate else SHIPPED)
        every += predictions(row, builds, fitted)
    whole = [prediction for prediction in every if not prediction.row.is_core]
    sections = [measures(whole), verdicts(whole), *summaries(every), each(whole)]
    sections += [clocks(whole), rates(whole), unpredicted(whole)]
    sections = [(title, table) for title, table in sections if len(table) > 1]
    if markdown:
        how = HELD_OUT if cross_validate else SHIPPED_MODELS
        command = tables.wrapped(["python", "benchmarks/designs.py", *sys.argv[1:]])
        print("\n".join([PAGE.format(command=command, how=how), *tables.as_markdown(sections)]), end="")
    else:
        print("\n".join(tables.as_text(sections)))
    for error in errors:
        print(error, file=sys.stderr)
    return InputError.exit_code if errors else 0


def verdicts(every: Sequence[Prediction]) -> tables.Section:
    """By what a prediction starts from and by flow: how often each verdict on the resources was given."""
    groups: dict[tuple[str, str], list[str]] = {}
    for prediction in every:
        if prediction.totals:
            groups.setdefault((prediction.row.flow, prediction.start), []).append(_verdict_text(verdict_of(prediction)))
    columns = dict.fromkeys(["fits: right", "undecided", "over: wrong"])
    columns |= dict.fromkeys(word for said in groups.values() for word in said)
    lines = [[flow, start, *(str(said.count(word)) for word in columns)] for (flow, start), said in groups.items()]
    return "Verdicts on designs that ran", [["flow", "from its", *columns], *lines]


def each(every: Sequence[Prediction]) -> tables.Section:
    """Every design that is predicted: predicted (interval), built."""
    lines = [
        [
            prediction.row.name,
            prediction.start,
            *(_cell(prediction, metric) for metric in RESOURCES),
            _verdict_text(verdict_of(prediction)),
        ]
        for prediction in every
        if prediction.totals
    ]
    head = ["design", "from its", *(metric.unit for metric in RESOURCES), "verdict"]
    return "Every design: predicted (90 % interval) / built", [head, *lines]


def _cell(prediction: Prediction, metric: Metric) -> str:
    built = prediction.row.built.get(metric)
    total = prediction.totals.get(metric)
    said = f"{total.value:,.0f} ({total.low:,.0f} to {total.high:,.0f})" if total else "-"
    return f"{said} / {'-' if built is None else f'{built:,.0f}'}"


def verdict_of(prediction: Prediction) -> Verdict | None:
    """By the resources, with the margins of a review; None of a part of another family."""
    try:
        part = part_of(prediction.row.part)
    except FlowsError:
        return None
    whole = [
        Reading(metric, total.value, Tier.MODELLED, "", "", TOTAL, Tier.ROUTED, total.low, total.high, total.at_least)
        for metric, total in prediction.totals.items()
    ]
    return judge(whole, part.device).resources


def _verdict_text(verdict: Verdict | None) -> str:
    """Each design was built, so it fits its part."""
    if verdict is None:
        return "-"
    return {Verdict.FITS: "fits: right", Verdict.OVER: "over: wrong"}.get(verdict, verdict.value)


def clocks(every: Sequence[Prediction]) -> tables.Section:
    """Designs whose slack is known: the verdict on the clock before the build, and whether it was met."""
    lines = []
    for prediction in every:
        slack = prediction.row.wns_ns
        if prediction.clock is None or slack is None:
            continue
        met, claimed = slack >= 0, prediction.clock.verdict is ClockVerdict.CREDIBLE
        lines.append(
            [
                prediction.row.name,
                f"{prediction.row.clock_mhz:g}",
                prediction.clock.verdict.value,
                f"{slack:+.3f} ns: {'met' if met else 'missed'}",
                "right" if met is claimed else "wrong",
            ]
        )
    return "Clocks", [["design", "MHz asked", "said before", "built", "verdict"], *lines]


def rates(every: Sequence[Prediction]) -> tables.Section:
    """Designs whose rate on a board is known, beside what is predicted of the core and of the system."""
    lines = []
    for prediction in every:
        if not prediction.rate or not prediction.row.board_rate:
            continue
        system, board = prediction.system, prediction.row.board_rate
        said = f"{system.value:,.0f} ({system.low:,.0f} to {system.high:,.0f})" if system else "-"
        error = f"{system.value / board - 1:+.0%}" if system else "-"
        core = f"{board / prediction.rate:.0%}"
        lines.append(
            [
                prediction.row.name,
                f"{prediction.rate:,.0f}",
                core,
                f"{prediction.row.batch:,}",
                said,
                f"{board:,.0f}",
                error,
            ]
        )
    head = ["design", "core, predicted", "board of core", "images a call", "system, predicted", "board", "error"]
    return "Images a second", [head, *lines]


def unpredicted(every: Sequence[Prediction]) -> tables.Section:
    lines = [
        [prediction.row.name, prediction.row.flow, prediction.reason] for prediction in every if not prediction.totals
    ]
    return "Not predicted", [["design", "flow", "reason"], *lines]
