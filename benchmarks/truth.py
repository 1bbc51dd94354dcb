"""The estimates of the backends beside what vendor tools counted: how far off, and how often the interval holds.

    python benchmarks/truth.py FILE [FILE ...] [--cross-validate] [--fit-to REPORT ...] [--markdown]

A FILE holds rows of csynth reports as JSON (see csynth_rows.py), or nodes of FINN (see finn_rows.py), whose page is
docs/reference/truth-finn.md. Each row is predicted from its configuration alone, by
the laws that ``flows estimate hls4ml`` uses. With ``--cross-validate`` each project is predicted by laws fitted to
the others (and to the reports of others that ``--fit-to`` names): that is the honest table. Rows that cannot be read
are named and left out, and the exit code is then 3.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import finn_rows
import finn_truth
from csynth_modules import Module, modules
from csynth_reports import modules_of_report
from csynth_rows import Row, form_of, read
from fit_hls4ml import calibration, samples
from truth_tables import GROUPS, Outcome, as_markdown, as_text

from backends.hls4ml import laws
from backends.hls4ml.laws import Calibration
from flows.core.errors import FlowsError, InputError, UsageError


def outcomes(module: Module, fit: Calibration | None = None) -> Iterator[Outcome]:
    """By the laws of the product, or by those of `fit`."""
    names = {law.name for law in module.laws.values()}
    group = GROUPS[0] if "mac" in names else GROUPS[1] if "constants" in names else GROUPS[2]
    for metric, measured in module.row.measured.items():
        amount, reason = module.known.get(metric), module.missing.get(metric, "")
        law = module.laws.get(metric)
        if law:
            try:
                amount = laws.fitted(module.row.tool, law.name, metric, law.features, fit)
            except laws.NoRows:
                reason = f"no row to fit the law {law.name} to"
        yield Outcome(module.row, group, metric, measured, amount, reason)


def cross_validated(found: Sequence[Module], others: Sequence[Module], unit: str) -> Iterator[Outcome]:
    """Every `unit` (project or repository) by laws fitted to the other ones, and to `others` less those of it."""
    for one in dict.fromkeys(getattr(module.row, unit) for module in found):
        kept = [module for module in (*found, *others) if getattr(module.row, unit) != one]
        laws_of_others = {(law["tool"], law["law"], law["metric"]): law for law in calibration(samples(kept))}
        for module in found:
            if getattr(module.row, unit) == one:
                yield from outcomes(module, laws_of_others)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="rows of csynth reports, as JSON")
    parser.add_argument("--cross-validate", action="store_true", help="predict each project by the others")
    parser.add_argument("--fit-to", type=Path, nargs="+", default=[], metavar="REPORT", help="fit to these reports too")
    parser.add_argument("--markdown", action="store_true", help="print the page docs/reference/truth.md")
    arguments = parser.parse_args()
    try:
        sys.exit(_run(arguments))
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def _run(arguments: argparse.Namespace) -> int:
    forms = {form_of(path) for path in arguments.files}
    if forms == {"finn"}:
        return _run_finn(arguments)
    if "finn" in forms:
        raise UsageError("files", "rows of hls4ml and of FINN at once", "compare one of them at a time")
    rows: list[Row] = []
    wrong: list[InputError] = []
    for path in arguments.files:
        here, damaged = read(path)
        rows, wrong = rows + here, wrong + damaged
    for error in wrong:
        print(error, file=sys.stderr)
    found = modules(rows)
    others = [module for path in arguments.fit_to for module in modules_of_report(path, rows)]
    if arguments.cross_validate:
        results, abroad = ([*cross_validated(found, others, unit)] for unit in ("project", "repository"))
    else:
        results, abroad = [outcome for module in found for outcome in outcomes(module)], []
    if results and arguments.markdown:
        command = shlex.join(["python", "benchmarks/truth.py", *sys.argv[1:]])
        print("\n".join(as_markdown(results, abroad, command)), end="")
    elif results:
        print("\n".join(as_text(results, abroad)))
    return InputError.exit_code if wrong else 0


def _run_finn(arguments: argparse.Namespace) -> int:
    found: list[finn_rows.Sample] = []
    wrong: list[InputError] = []
    for path in arguments.files:
        here, damaged = finn_rows.read(path)
        found, wrong = found + here, wrong + damaged
    for error in wrong:
        print(error, file=sys.stderr)
    if found and arguments.markdown:
        command = shlex.join(["python", "benchmarks/truth.py", *sys.argv[1:]])
        print("\n".join(finn_truth.as_markdown(found, arguments.cross_validate, command)), end="")
    elif found:
        print("\n".join(finn_truth.as_text(found, arguments.cross_validate)))
    return InputError.exit_code if wrong else 0


if __name__ == "__main__":
    main()
