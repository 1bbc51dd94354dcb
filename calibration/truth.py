"""Compares the estimates of the backends with the counts of vendor tools: errors, and how often the interval holds.

    python -m calibration.truth FILE [FILE ...] [--cross-validate] [--fit-to REPORT ...] [--markdown]

A FILE holds rows of csynth reports of hls4ml's designs as JSON (see calibration/hls4ml/rows.py), or nodes of FINN (see
calibration/finn/rows.py). Each row is predicted from its configuration alone, by the resource models that
``flows estimate`` uses. With ``--cross-validate`` each project is predicted by models fitted to the others (and to the
csynth reports that ``--fit-to`` names): that is the honest table. ``--markdown`` prints a page of docs/reference:
truth.md of hls4ml, truth-finn.md of FINN. Rows that cannot be read are named and left out, and the exit code is then 3.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from calibration import tables
from calibration.finn import rows as finn_rows
from calibration.finn import truth as finn_truth
from calibration.hls4ml import rows as hls4ml_rows
from calibration.hls4ml import truth as hls4ml_truth
from calibration.hls4ml.modules import modules
from calibration.hls4ml.reports import modules_of_report
from calibration.truth_files import form_of
from flows.core.errors import FlowsError, InputError, UsageError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="rows of hls4ml's reports or FINN's nodes")
    parser.add_argument("--cross-validate", action="store_true", help="predict each project by the others")
    parser.add_argument("--fit-to", type=Path, nargs="+", default=[], metavar="REPORT", help="fit to these reports too")
    parser.add_argument("--markdown", action="store_true", help="print the page of docs/reference")
    arguments = parser.parse_args()
    try:
        sys.exit(_run(arguments))
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def _run(arguments: argparse.Namespace) -> int:
    forms = {form_of(path) for path in arguments.files}
    if len(forms) > 1:
        raise UsageError("files", "rows of hls4ml and of FINN at once", "compare one of them at a time")
    errors = (_finn if forms == {"finn"} else _hls4ml)(arguments)
    for error in errors:
        print(error, file=sys.stderr)
    return InputError.exit_code if errors else 0


def _hls4ml(arguments: argparse.Namespace) -> list[InputError]:
    """What is wrong with the rows that were left out."""
    rows: list[hls4ml_rows.CsynthRow] = []
    errors: list[InputError] = []
    for path in arguments.files:
        read, wrong = hls4ml_rows.read(path)
        rows, errors = rows + read, errors + wrong
    every = modules(rows)
    others = [module for path in arguments.fit_to for module in modules_of_report(path, rows)]
    if arguments.cross_validate:
        results, by_repository = (
            [*hls4ml_truth.cross_validated(every, others, unit)] for unit in ("project", "repository")
        )
    else:
        results, by_repository = [outcome for module in every for outcome in hls4ml_truth.outcomes(module)], []
    if results:
        preface = hls4ml_truth.preface(results, arguments.cross_validate)
        page = hls4ml_truth.page(results, preface, _command())
        _print(arguments.markdown, page, [preface], hls4ml_truth.sections(results, by_repository))
    return errors


def _finn(arguments: argparse.Namespace) -> list[InputError]:
    """What is wrong with the rows that were left out."""
    samples: list[finn_rows.Sample] = []
    errors: list[InputError] = []
    for path in arguments.files:
        read, wrong = finn_rows.read(path)
        samples, errors = samples + read, errors + wrong
    if samples:
        fits = finn_truth.calibrations(samples, arguments.cross_validate)
        results = finn_truth.outcomes(samples, fits)
        sections = [*finn_truth.sections(samples, fits, results)]
        if not arguments.markdown:
            sections.append(finn_truth.every_node(samples, results))
        page = finn_truth.page(samples, arguments.cross_validate, _command())
        _print(arguments.markdown, page, [], sections)
    return errors


def _command() -> str:
    return tables.wrapped(["python", "-m", "calibration.truth", *sys.argv[1:]])


def _print(markdown: bool, page: str, preface: Sequence[str], sections: Iterable[tables.Section]) -> None:
    if markdown:
        print("\n".join([page, *tables.as_markdown(sections)]), end="")
    else:
        print("\n".join([*preface, *tables.as_text(sections)]))


if __name__ == "__main__":
    main()
