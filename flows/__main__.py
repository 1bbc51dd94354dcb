"""``python -m flows``, also installed as ``zynqflows``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from flows.core.errors import FlowsError, SetupError
from flows.core.files import FULL, unwritable


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (`flows.core.errors` lists them)."""
    from flows.cli.screen import screened

    if argv is None and "_ARGCOMPLETE" in os.environ:
        from flows.cli.parser import complete

        complete()
    with screened():
        return _run(sys.argv[1:] if argv is None else argv, for_good=argv is None)


def _run(argv: Sequence[str], for_good: bool) -> int:
    from flows.cli.interruption import Interrupted, interruptible
    from flows.cli.parser import parse

    try:
        with interruptible(for_good):
            arguments = parse(argv)
            code: int = arguments.command(arguments)
            sys.stdout.flush()
            return code
    except FlowsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as reason:
        return reason.code
    except BrokenPipeError:
        _drop_output()
        return 0
    except OSError as reason:
        if reason.errno not in FULL:
            raise
        _drop_output()
        culprit = f"file {reason.filename}" if reason.filename else "output"
        print(f"error: {unwritable(culprit, reason)}", file=sys.stderr)
        return SetupError.exit_code


def _drop_output() -> None:
    """What is left in the buffer cannot be printed: at its end the interpreter would try again, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
