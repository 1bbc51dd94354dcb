"""A worker: a Python module that a step starts as ``python -m``, which reads its job and writes its results.

The step gives its folder the file `JOB`. The module ends with ``if __name__ == "__main__": run_worker(main)``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flows.core.errors import FlowsError
from flows.core.plan import PYTHON, Asset, Output, Step

JOB = "job.json"
"""What a worker is asked, in its folder."""
SOURCES = ("flows.core", "models")
"""The packages of ours that every worker reads."""
INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def worker(
    name: str,
    about: str,
    module: str,
    ask: Mapping[str, Any],
    *,
    makes: tuple[str, ...],
    files: Mapping[str, str | Asset | Output] | None = None,
    packages: tuple[str, ...] = (),
    sources: tuple[str, ...] = SOURCES,
    limit_s: float = 3600.0,
) -> Step:
    """The step `name` that runs `module` on the job `ask`, which must be JSON; all else is as in `Step`."""
    return Step(
        name=name,
        about=about,
        tool=PYTHON,
        argv=(PYTHON, "-m", module, JOB),
        files={JOB: json.dumps(ask, indent=1), **(files or {})},
        makes=makes,
        packages=packages,
        sources=sources,
        limit_s=limit_s,
    )


def run_worker(main: Callable[[Mapping[str, Any]], None], prefix: str = "") -> None:
    """Runs `main` on the job in the file that the command line names.

    An error for the user ends as one line on stderr, after `prefix`, with the exit code of its class.
    """
    try:
        main(json.loads(Path(sys.argv[1]).read_text()))
    except FlowsError as error:
        sys.stderr.write(f"{prefix}{error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
