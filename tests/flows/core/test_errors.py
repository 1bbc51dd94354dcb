"""The error tree: one line each, one exit code a class, the drawing at its top true."""

import re

import pytest

from flows.core import errors
from flows.core.errors import FlowsError, UsageError


def test_the_drawing_names_every_class_with_its_code() -> None:
    drawn = {name: int(code) for name, code in re.findall(r"^\s+(\w+)\s+(\d+)\s", errors.__doc__, re.MULTILINE)}
    assert drawn == {each.__name__: each.exit_code for each in FlowsError.__subclasses__()}


def test_exit_codes_are_distinct_and_not_those_of_the_shell() -> None:
    codes = [FlowsError.exit_code, *(each.exit_code for each in FlowsError.__subclasses__())]
    assert len(set(codes)) == len(codes)
    assert all(0 < code < 126 for code in codes)


def test_one_line_with_culprit_fact_and_next_step() -> None:
    error = FlowsError("file x", "is torn", "write it again")
    assert str(error) == "file x: is torn. Write it again."


def test_a_mark_that_ends_a_sentence_stands_once() -> None:
    assert str(FlowsError("file x", "did you mean y?", "see z.")) == "file x: did you mean y? See z."


def test_unknown_names_guess_the_near_ones_only() -> None:
    near = UsageError.unknown("flow", "hsl4ml", ["hls4ml", "finn"], "flows list flows")
    assert "did you mean hls4ml?" in near.next_step.lower() and "finn" not in near.next_step
    far = UsageError.unknown("flow", "zzzzz", ["hls4ml", "finn"], "flows list flows")
    assert "mean" not in far.next_step and "flows list flows" in far.next_step


@pytest.mark.parametrize("kind", FlowsError.__subclasses__())
def test_every_class_is_a_flows_error(kind: type[FlowsError]) -> None:
    with pytest.raises(FlowsError):
        raise kind("culprit", "fact", "next")
