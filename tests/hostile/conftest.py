"""Files that were made to do harm, through the command line: one line that says what is wrong, soon, and no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.__main__ import main
from flows.core.errors import FlowsError, InputError

CASES = Path(__file__).parent
Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """The only line on stderr of a command, which ends with the exit code of `error`."""

    def check(*argv: object, error: type[FlowsError] = InputError) -> str:
        assert main([str(word) for word in argv]) == error.exit_code
        lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("import ")]
        assert len(lines) == 1 and lines[0].startswith("error: ") and len(lines[0]) < 1000, lines
        return lines[0]

    return check
