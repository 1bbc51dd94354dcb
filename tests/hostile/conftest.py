"""Files that were made to do harm, through the command line: one line that says what is wrong, and no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.__main__ import main
from flows.core.errors import FlowsError, InputError

CASES = Path(__file__).parent
ErrorLine = Callable[..., str]


@pytest.fixture
def error_line(capsys: pytest.CaptureFixture[str]) -> ErrorLine:
    """The one error of a command, a single line at its end; it ends with the exit code of `error`."""

    def check(*argv: object, error: type[FlowsError] = InputError) -> str:
        assert main([str(word) for word in argv]) == error.exit_code
        *progress, line = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ") and len(line) < 1000, line
        assert not [each for each in progress if each.startswith(("error", "Traceback"))]
        return line

    return check
