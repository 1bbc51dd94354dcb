"""The errors of predictions of whole designs: over all, and by what the prediction starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from backends.cost.amounts import Total
from benchmarks.whole_designs.prediction import SUREST, Prediction
from calibration import tables
from flows.core.evidence import RESOURCES, Metric

AIMS = {Metric.LUT: 0.20, Metric.FF: 0.25, Metric.BRAM18: 0.10}
EXACT_DSP = 0.90


def measures(wholes: Sequence[Prediction]) -> tables.Section:
    """Each design once, by its most certain prediction, against the accuracy that is aimed at."""
    surest: dict[str, Prediction] = {}
    for prediction in sorted(
        (whole for whole in wholes if whole.totals and whole.start in SUREST),
        key=lambda prediction: SUREST.index(prediction.start),
    ):
        surest.setdefault(prediction.row.name, prediction)
    lines = []
    for metric in RESOURCES:
        if known := _known(metric, surest.values()):
            errors, exact = _errors(known), _exact(known)
            is_dsp = metric is Metric.DSP
            aim = f"exact in {EXACT_DSP:.0%}" if is_dsp else f"median {AIMS[metric]:.0%}"
            reached = f"exact in {exact / len(known):.0%}" if is_dsp else f"median {median(errors):.0%}"
            met = exact / len(known) >= EXACT_DSP if is_dsp else median(errors) <= AIMS[metric]
            share = f"{_holds(known) / len(known):.0%}"
            lines.append([metric.key, str(len(known)), aim, reached, "yes" if met else "no", share])
    head = ["metric", "designs", "aim", "reached", "met", "90 % interval holds"]
    return "The aims, each design once by the surest that is known of it", [head, *lines]


Known = Sequence[tuple[Total, float]]
"""(predicted, built) of each design."""


def _known(metric: Metric, group: Iterable[Prediction]) -> Known:
    return [
        (prediction.totals[metric], prediction.row.built[metric])
        for prediction in group
        if metric in prediction.totals and metric in prediction.row.built
    ]


def _errors(known: Known) -> list[float]:
    return [abs(total.value - built) / max(built, 1) for total, built in known]


def _exact(known: Known) -> int:
    return sum(abs(total.value - built) < 0.5 for total, built in known)


def _holds(known: Known) -> int:
    return sum(total.low <= built <= total.high for total, built in known)


def summaries(every: Sequence[Prediction]) -> Iterator[tables.Section]:
    """The errors of the totals, by what the prediction starts from and by flow."""
    groups = dict.fromkeys((prediction.start, prediction.row.flow) for prediction in every if prediction.totals)
    for start, flow in groups:
        group = [
            prediction
            for prediction in every
            if (prediction.start, prediction.row.flow) == (start, flow) and prediction.totals
        ]
        lines = [line for metric in RESOURCES if (line := _summary(metric, group))]
        yield f"{flow}, from its {start}: {tables.counted(group, 'design')}", [SUMMARY, *lines]


SUMMARY = ["metric", "designs", "median error", "within 20 %", "exact", "90 % interval holds", "its ends", "over built"]


def _summary(metric: Metric, group: Sequence[Prediction]) -> list[str]:
    known = _known(metric, group)
    if not known:
        return []
    errors = _errors(known)
    ratios = sorted(total.value / built for total, built in known if built)
    return [
        metric.key,
        str(len(known)),
        f"{median(errors):.0%}",
        _share(sum(error <= 0.2 for error in errors), len(known)),
        _share(_exact(known), len(known)),
        _share(_holds(known), len(known)),
        _ends([total for total, _ in known]),
        f"{ratios[0]:.2f} to {ratios[-1]:.2f}" if ratios else "-",
    ]


def _ends(totals: Sequence[Total]) -> str:
    """The median of each end of the intervals, divided by the predicted value."""
    known = [total for total in totals if total.value]
    low, high = ([getattr(nonzero, end) / nonzero.value for nonzero in known] for end in ("low", "high"))
    return f"x{median(low):.2f} to x{median(high):.2f}" if known else "-"


def _share(count: int, of: int) -> str:
    return f"{count} of {of}"
