"""The hls4ml side of the truth check: csynth's counts of modules beside the resource models of backends/hls4ml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from backends.hls4ml import resources
from backends.hls4ml.resources import Calibration
from calibration.hls4ml.description import Module
from calibration.hls4ml.fit import calibration
from calibration.hls4ml.rows import METRICS
from calibration.hls4ml.solve import samples
from calibration.tables import Outcome, Section, counted, summary

GROUPS = ("weights in memory (Resource, reuse above 1)", "weights as constants (Latency, or reuse of 1)", "no weights")


def outcomes(module: Module, fit: Calibration | None = None) -> Iterator[Outcome]:
    """By the shipped calibration, or by `fit`."""
    description = module.description
    names = {model.name for model in description.models.values()}
    group = GROUPS[0] if "mac" in names else GROUPS[1] if "constants" in names else GROUPS[2]
    for metric, measured in module.row.measured.items():
        amount, reason = description.known.get(metric), description.missing.get(metric, "")
        model = description.models.get(metric)
        if model:
            try:
                amount = resources.fitted(module.row.tool, model.name, metric, model.features, fit)
            except resources.NoRows:
                reason = f"no row to fit the resource model {model.name} to"
        yield Outcome(module.row, metric, measured, amount, reason, group)


def cross_validated(modules: Sequence[Module], others: Sequence[Module], unit: str) -> Iterator[Outcome]:
    """Every `unit` (project or repository) by a fit to the other ones, and to `others` less those of it."""
    every = samples([*modules, *others])
    for left_out in dict.fromkeys(getattr(module.row, unit) for module in modules):
        training = [sample for sample in every if getattr(sample.row, unit) != left_out]
        fit = {(entry["tool"], entry["model"], entry["metric"]): entry for entry in calibration(training)}
        for module in modules:
            if getattr(module.row, unit) == left_out:
                yield from outcomes(module, fit)


def sections(results: Sequence[Outcome], by_repository: Sequence[Outcome]) -> Iterator[Section]:
    """Tables of all rows, of each kind of layer, and of each tool; `by_repository` are the outcomes with whole
    repositories held out, empty where none were."""
    kinds = [("All rows", list(results)), ("All rows, with whole repositories held out", list(by_repository))]
    kinds += [(f"Layers with {group}", [outcome for outcome in results if outcome.group == group]) for group in GROUPS]
    for tool in ("vitis", "vivado"):
        of_tool = [outcome for outcome in results if outcome.row.tool == tool]
        versions = sorted({outcome.row.version for outcome in of_tool})
        kinds.append((f"{tool.title()} HLS {', '.join(versions)}", of_tool))
    yield from ((title, summary(of_kind, METRICS)) for title, of_kind in kinds if of_kind)
    unknown = [outcome for outcome in results if outcome.amount is None]
    if unknown:
        reasons = Counter(outcome.reason for outcome in unknown).most_common()
        rows = {name: {outcome.row.place for outcome in unknown if outcome.reason == name} for name, _ in reasons}
        table = [[name, str(len(rows[name])), str(numbers)] for name, numbers in reasons]
        yield "Not modelled", [["reason", "rows", "numbers"], *table]


def preface(results: Sequence[Outcome], cross_validate: bool) -> str:
    rows, projects = {outcome.row.place for outcome in results}, {outcome.row.project for outcome in results}
    size = f"{counted(rows, 'row')} of {counted(projects, 'project')}."
    if cross_validate:
        return f"{size} Each project is predicted by models fitted to the others."
    fitted_to = projects & {project for entry in resources.shipped().values() for project in entry["projects"]}
    return f"{size} The models as shipped, fitted to {len(fitted_to)} of these projects" + (
        ": for an honest table add --cross-validate." if fitted_to else "."
    )


PAGE = """# hls4ml's estimates against csynth's reports

How far hls4ml's estimates are from what csynth counted, on projects that they were not fitted to. This page is what the
following prints. What lies in `shared` is not part of this repository; the other rows are, each with where it comes
from ([calibration/rows](../../calibration/rows/README.md)).

```sh
{command}
```

{preface}
Two prototypes of one model count as one project. A row is predicted from its configuration (and that of the other rows
of its report) alone, by the resource models of `flows estimate hls4ml`. The rows are read off the csynth reports that
these public repositories hold:

{repositories}

How to read the tables:

- Cycles are csynth's worst case of one frame, which charges every pixel as if it completed a window.
- Errors are relative; of a measured 0, absolute.
- What the generated code fixes is not fitted, and the same in every fit: a DSP48E1 a product, the shape of weights in
  block RAM, the turns of a loop, line buffers, the registers of a Resource product in Vitis HLS.
- Where weights are constants of the logic the counts depend on their values: DSPs are a share of the products, between
  a quarter and all of them.
- A row that names no clock is taken to have 5 ns, or 10 ns on a 7-series part; 12 ns there are as hard as 5 ns on
  UltraScale+. The clock decides where csynth puts registers.
- Versions differ: from Vitis HLS 2022.2 on a convolution by constants takes 3 cycles a pixel or more, and a pool 2 in
  2023.2 and 2024.2. The versions of hls4ml that generated the designs are mostly not known, and differ too: one shifts
  its line buffer channel by channel, one keeps weights in eight times the block RAM. Their rows are among the misses.
- A reuse factor above 1 with the Latency strategy starts a pixel as often as the tool finds room for, and which weights
  a report stands for is not always what its row says (a reuse factor of 1 whose DSPs are a twelfth of the products).
- A model's interval is what 9 of 10 rows of repositories held out keep within; that of a model with fewer than three
  repositories is no narrower than what all models of the metric missed together.
- Coefficients are fitted without the project that they predict. Which counts a model is linear in was chosen with all
  rows in view.
"""


def page(results: Sequence[Outcome], preface: str, command: str) -> str:
    """The text above the tables in docs/reference/truth.md; `command` prints it."""
    repositories = sorted({outcome.row.repository for outcome in results})
    names = "\n".join(f"- {repository}" for repository in repositories)
    return PAGE.format(command=command, preface=preface, repositories=names)
