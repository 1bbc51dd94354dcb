"""``python -m flows``, also installed as ``zynqflows``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from flows.core.errors import FlowsError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (`flows.core.errors` lists them)."""
    from flows.cli.interruption import Interrupted, interruptible
    from flows.cli.parser import parse

    try:
        with interruptible(for_good=argv is None):
            arguments = parse(sys.argv[1:] if argv is None else argv)
            code: int = arguments.command(arguments)
            sys.stdout.flush()
            return code
    except FlowsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as reason:
        return reason.code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
