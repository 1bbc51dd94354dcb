"""`flows sweep`: the grid, what is kept of it, and who computes it."""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import flows
from flows import designs, registry, sweeping
from flows.__main__ import main
from flows.cli import session
from flows.cli.parser import parse
from flows.core.errors import SetupError, UsageError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.fit import Verdict
from flows.designs import Failure, Request, Source
from flows.stored_estimates import versions
from flows.values import several
from reports.pareto import Place

FIXED: dict[str, Any] = {"reuse_factor": "64", "fifo_depth": "40"}


def request_of(*names: str) -> Request:
    return Request(names, {name: registry.load(name).options() for name in names}, Source("arch8"))


def test_a_grid_has_every_combination_once() -> None:
    axes: dict[str, Sequence[Any]] = {
        "clock_ns": [10.0, 8.0],
        "part": ["xc7z010", "xc7z020"],
        "activation_bits": [4, 8],
    }
    points = sweeping.grid(request_of("hls4ml", "hls"), axes)
    assert len(points) == len({point.command for point in points}) == 2 * 2 + 2 * 2 * 2
    assert points[-1].command == "python -m flows run hls --part xc7z020 --clock 8"
    assert points[4].command == "python -m flows run hls --part xc7z010 --activation-bits 4"
    assert points[5].command == "python -m flows run hls --part xc7z010 --clock 8 --activation-bits 4"


def test_a_program_has_one_point_at_all_clocks() -> None:
    """It has none in the fabric: at another clock it is the same design, with the same name."""
    points = sweeping.grid(request_of("c"), {"clock_ns": [8.0, 5.0], "part": ["xc7z010", "xc7z020"]})
    assert [point.command.partition("run ")[2] for point in points] == ["c --part xc7z010", "c --part xc7z020"]
    slow, fast = (flows.estimate("c", clock_ns=clock)[0] for clock in (10, "auto"))
    assert slow.name == fast.name


def test_a_clock_that_is_at_risk_is_on_no_front_beside_one_that_fits(tmp_path: Path) -> None:
    """Their rates are the same, being given at the highest credible clock."""
    swept = flows.sweep("hls", clock_ns=[10, 9, 8, 7], store=tmp_path, jobs=1)
    verdicts = {design.run.clock_ns: design.fit.verdict for design in swept}
    assert verdicts == {10: Verdict.FITS, 9: Verdict.AT_RISK, 8: Verdict.AT_RISK, 7: Verdict.AT_RISK}
    assert [design.run.clock_ns for design in swept.front()] == [10]
    assert {ranked.place for ranked in swept.ranking().ranked} == {Place.FRONT, Place.BEATEN}


def test_a_command_has_all_that_makes_the_design(tmp_path: Path) -> None:
    policy = tmp_path / "p.toml"
    policy.write_text('schema = "zynqflows-policy/1"\n[margin]\nlut = 0.5\n')
    asked = "search hls4ml --network n.onnx --calibration c.npy --data d --batch 8 --clock 8 --pixels '0.5, 0.25'"
    request = session.request(parse([*shlex.split(asked), "--policy", str(policy)]))
    _, _, command = designs.command("run", request).partition("-m flows ")
    again = session.request(parse(shlex.split(command)))
    assert list(again.parts) == list(request.parts)
    assert replace(again, parts=request.parts, reports=(), command=request.command) == request


@pytest.mark.parametrize(
    "text, values",
    [
        ("8", [8.0]),
        ("8,10,12", [8.0, 10.0, 12.0]),
        ("4..8..2", [4.0, 6.0, 8.0]),
        ("8..4..-2", [8.0, 6.0, 4.0]),
        ("7..8..0.25", [7.0, 7.25, 7.5, 7.75, 8.0]),
        ("4..6, 8, 16..32..8", [4.0, 5.0, 6.0, 8.0, 16.0, 24.0, 32.0]),
        ("1234567..1234569", [1234567.0, 1234568.0, 1234569.0]),
    ],
)
def test_an_axis_is_a_list_or_a_range(text: str, values: list[float]) -> None:
    assert several(float, text) == values


@pytest.mark.parametrize("text", ["8..4", "1..9..0", "1..99999999", "8,x", "..", "1..2..3..4"])
def test_what_is_no_axis_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        several(float, text)


class Counting(ThreadPoolExecutor):
    """Stops the sweep after so many points, as Ctrl-C does."""

    def __init__(self, most: int) -> None:
        super().__init__(1)
        self.most, self.count = most, 0

    def submit(self, *result: Any, **named: Any) -> Future[Any]:
        self.count += 1
        if self.count > self.most:
            raise KeyboardInterrupt
        return super().submit(*result, **named)


def swept(store: Path, executor: Executor, rows: list[tuple[int, int, int]]) -> Any:
    content = FIXED | {"fifo_depth": range(33, 41)}
    return flows.sweep("hls4ml", store=store, executor=executor, progress=lambda *each: rows.append(each), **content)


def test_clocks_of_one_design_are_one_task(tmp_path: Path) -> None:
    with Counting(2) as pool:
        sweep = flows.sweep("hls4ml", clock_ns="10,8", precision="8..10..2", store=tmp_path, executor=pool, **FIXED)
    assert len(sweep) == 4 and pool.count == 2


def test_what_was_estimated_is_kept(tmp_path: Path) -> None:
    rows: list[tuple[int, int, int]] = []
    with pytest.raises(KeyboardInterrupt), Counting(7) as few:
        swept(tmp_path, few, rows)
    kept = sorted((tmp_path / "estimates").iterdir())
    assert 1 <= len(kept) < 8
    kept[0].write_text("{")  # damaged: estimated again
    with Counting(8 - len(kept) + 1) as others:
        result = swept(tmp_path, others, rows)
    assert len(result) == 8 and rows[-1] == (8, 8, len(kept) - 1) and others.count == others.most
    with Counting(0) as none:
        assert str(swept(tmp_path, none, rows)) == str(result)


def test_an_arithmetic_is_evaluated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clocks share one, and eight bits are another."""
    asked: list[str] = []

    def accuracy(prepared: Any, *rest: object) -> tuple[Reading, ...]:
        asked.append(prepared.quantised.digest)
        return (Reading(Metric.ACCURACY, 0.5, Tier.EVALUATED, "10 images", "a test", n=10),)

    monkeypatch.setattr(sweeping, "accuracy", accuracy)
    monkeypatch.setattr(designs, "test_images", lambda *each: "a batch")
    with ThreadPoolExecutor(1) as pool:
        sweep = flows.sweep(
            "hls4ml", clock_ns=[10, 8], precision=["ap_fixed<16,6>", 8], data="here", store=tmp_path, executor=pool,
            **FIXED,
        )  # fmt: skip
    assert len(sweep) == 4 and len(asked) == len(set(asked)) == 2
    assert all(result["accuracy"] and result["accuracy"].value == 0.5 for result in sweep)


@pytest.mark.parametrize(("name", "other"), [("code", "0123456789abcdef"), ("numpy", "1.0"), ("python", "3.9")])
def test_a_worker_with_other_versions_refuses_by_name(tmp_path: Path, name: str, other: str) -> None:
    (point,) = sweeping.grid(request_of("hls4ml"), {})
    mine = versions(point)
    answer = sweeping.estimated(sweeping.Point(point, tmp_path, {**mine, name: other}))
    assert isinstance(answer, Failure) and isinstance(answer.error, SetupError)
    assert f"it has other versions than are asked for: {name} {mine[name]}, not {other}" in str(answer.error)


class Dying(ThreadPoolExecutor):
    """Of the groups it is given, the third is never answered."""

    count = 0

    def submit(self, *result: Any, **named: Any) -> Future[Any]:
        self.count += 1
        if self.count == 3:
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor("a process was terminated abruptly"))
            return future
        return super().submit(*result, **named)


def test_a_worker_that_dies_is_said_and_what_was_done_is_kept(tmp_path: Path) -> None:
    with Dying(1) as pool, pytest.raises(SetupError, match=r"no answer .BrokenExecutor: a process was terminated"):
        swept(tmp_path, pool, [])
    kept = len(list((tmp_path / "estimates").iterdir()))
    rows: list[tuple[int, int, int]] = []
    with ThreadPoolExecutor(1) as pool:
        assert len(swept(tmp_path, pool, rows)) == 8 and rows[0] == (kept, 8, kept)


def test_a_full_disk_half_way_loses_nothing_that_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left, real = [4], os.fsync

    def full(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with ThreadPoolExecutor(1) as pool, pytest.raises(SetupError, match="no room left on its disk"):
        swept(tmp_path, pool, [])
    monkeypatch.undo()
    assert len(list((tmp_path / "estimates").iterdir())) == 4, "whole ones, and no scratch file"
    rows: list[tuple[int, int, int]] = []
    with ThreadPoolExecutor(1) as pool:
        assert len(swept(tmp_path, pool, rows)) == 8 and rows[0] == (4, 8, 4)


def test_two_sweeps_at_once_on_one_store(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second, ThreadPoolExecutor(2) as both:
        results = [both.submit(swept, tmp_path, pool, []) for pool in (first, second)]
        outcome, other = (result.result() for result in results)
    assert outcome.to_json() == other.to_json() and len(outcome) == 8
    assert len(list((tmp_path / "estimates").iterdir())) == 8


@pytest.mark.parametrize("content", [{"executor": 3}, {"jobs": 0}, {"jobs": "two"}, {"clock_ns": "10,x"}])
def test_what_is_wrong_in_python_is_named(content: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        flows.sweep("hls4ml", store=tmp_path, **FIXED, **content)


def test_the_command_prints_the_front_and_writes_the_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["sweep", "hls4ml", "--part", "xc7z010,xc7z020", "--reuse-factor", "64,128", "--fifo-depth", "40"]
    words += ["--store", str(tmp_path / "s"), "--jobs", "1"]
    assert main([*words, "--out", str(tmp_path), "--csv", str(tmp_path / "a.csv"), "--all"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("reuse-factor 64") == printed.count("reuse-factor 128") == 2 and "2 designs" in printed
    page = (tmp_path / "sweep.html").read_text()
    assert "python -m flows run hls4ml --part xc7z010 --reuse-factor 64" in page
    assert set(re.findall(r"https?://[^/\"]*", page)) == {"http://www.w3.org"}  # a name, which nobody asks for
    assert (tmp_path / "a.csv").read_text().count("total,lut") >= 4


@pytest.mark.parametrize(
    "words, reason",
    [
        (["--executor", "nowhere"], "neither an address nor a function"),
        (["--executor", "json:loads"], "gives no executor"),
        (["--executor", "platform:uname"], "gives a uname_result"),
        (["--metrics", "beauty"], "'beauty' is none of"),
        (["--activation-bits", "4..8"], "It is an option of c, hls, rtl"),
        (["--reuse-factor", "64,odd"], "odd"),
        (["--clock", "10,0"], "no clock period"),
        (["--part", "xc7z020,xc7z999"], "xc7z999"),
    ],
)
def test_what_is_wrong_is_named(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["sweep", "hls4ml", "--store", str(tmp_path / "s"), *words]) != 0
    error = capsys.readouterr().err
    assert reason in error and "Traceback" not in error


def test_two_values_are_for_sweeps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "hls4ml", "--precision", "8", "--precision", "12"]) == 2
    assert "given twice" in capsys.readouterr().err
    for words in (["--precision", "8,12"], ["--precision", "8..12..2"], ["--clock", "10,8"]):
        assert main(["estimate", "hls4ml", *words]) == 2
        assert "is several values: give one, or all to `python -m flows sweep`" in capsys.readouterr().err


def test_several_parts_stand_behind_commas(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    argv = ["estimate", "c", "--network", "arch5", "--part", "zybo-z7-10,pynq-z2", "--store", str(tmp_path)]
    assert main(argv) == 0
    printed = capsys.readouterr().out
    assert "xc7z010clg400-1" in printed and "xc7z020clg400-1" in printed


def test_shipped_weights_that_a_network_has_not_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "hls", "--network", "arch5", "--weights", "w4a4"]) == 3
    assert "network arch5: no w4a4 weights of it ship" in capsys.readouterr().err


WORKER = """
import os, time
from flows import pools
if __name__ == "__main__":
    with pools.opened(None, 1) as (pool, _):
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(600)
"""


def test_no_worker_is_left_where_the_command_is_killed(tmp_path: Path) -> None:
    (tmp_path / "command.py").write_text(WORKER)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, tmp_path / "command.py"], env=environment, stdout=subprocess.PIPE
    ) as command:
        assert command.stdout
        state = Path(f"/proc/{int(command.stdout.readline())}/stat")
        assert state.exists()
        command.kill()
    deadline = time.monotonic() + 60
    while state.exists() and " Z " not in state.read_text():  # ended, and perhaps not fetched by the first process yet
        assert time.monotonic() < deadline
        time.sleep(0.1)
