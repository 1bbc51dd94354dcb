"""Batch systems, played by stand-ins that run the job, fail, hang, or lose it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows import submission
from flows.__main__ import main
from flows.core.errors import InputError, SetupError
from flows.store import Store
from flows.submission import DONE, FAILED, LOST, PENDING, RUNNING, Resources

COMMAND = ("list", "parts")
RUNS = '#!/bin/sh\nfor last; do :; done\nsh "$last" > "$FARM/log" 2>&1\necho "7;cluster"\n'
WITHOUT_PYTHON = RUNS.replace("done\nsh", "done\nPYTHONHOME=/none sh")
KEEPS = '#!/bin/sh\nfor last; do :; done\ncp "$last" "$FARM/script"; echo 7\n'


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that comes first on PATH."""
    folder = tmp_path / "farm"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FARM", str(folder))
    return folder


def program(farm: Path, name: str, text: str) -> None:
    (farm / name).write_text(text)
    (farm / name).chmod(0o755)


def test_a_job_runs_the_command_and_says_how_it_ended(farm: Path, tmp_path: Path) -> None:
    program(farm, "sbatch", RUNS)
    store = Store(tmp_path / "s")
    ticket = submission.submit("slurm", COMMAND, Resources(), store)
    assert ticket.job == "7" and submission.state(ticket, store) == DONE
    assert submission.read_ticket(store, ticket.name) == ticket and submission.tickets(store) == [ticket]
    failing = submission.submit("slurm", ("list", "everything"), Resources(), store)
    assert submission.state(failing, store) == FAILED and submission.exit_code(failing, store) == 2


def test_what_it_asks_for_stands_in_the_script(tmp_path: Path) -> None:
    asked = Resources(8, 32, 1.5, "vivado@server:1")
    text = submission.text_of("slurm", "job-a", COMMAND, asked, tmp_path / "a store")
    assert f"#SBATCH --output='{tmp_path}/a store/output.log'\n" in text
    for line in ("--cpus-per-task=8", "--mem=32G", "--time=90", "--licenses=vivado@server:1"):
        assert f"#SBATCH {line}\n" in text
    text = submission.text_of("lsf", "job-a", COMMAND, Resources(8, 32, 1.5, "rusage[vivado=1]"), tmp_path)
    for line in ("-n 8", "-M 32GB", "-W 90", '-R "rusage[vivado=1]"'):
        assert f"#BSUB {line}\n" in text
    assert subprocess.run(["sh", "-n"], input=text, text=True).returncode == 0


@pytest.mark.parametrize(
    "queue, stands", [("echo RUNNING", RUNNING), ("echo PENDING", PENDING), ("exit 1", LOST), ("echo", LOST)]
)
def test_a_job_without_an_end_is_asked_for(
    queue: str, stands: str, farm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(farm, "sbatch", KEEPS)
    program(farm, "squeue", f"#!/bin/sh\n{queue}\n")
    store = Store(tmp_path / "s")
    ticket = submission.submit("slurm", COMMAND, Resources(), store)
    if stands is LOST:
        assert submission.state(ticket, store) == PENDING  # it was handed over just now
    monkeypatch.setattr(submission, "GRACE_S", 0.0)
    assert submission.state(ticket, store) == stands
    again = submission.submit("slurm", COMMAND, Resources(), store)
    assert (again == ticket) == (stands in (PENDING, RUNNING))  # handed over once, unless it was lost


def test_a_job_is_handed_to_lsf(farm: Path, tmp_path: Path) -> None:
    program(farm, "bsub", '#!/bin/sh\ncat > "$FARM/script"\necho "Job <42> is submitted to queue <normal>."\n')
    program(farm, "bjobs", "#!/bin/sh\necho RUN\n")
    store = Store(tmp_path / "s")
    ticket = submission.submit("lsf", COMMAND, Resources(), store)
    assert ticket.job == "42" and submission.state(ticket, store) == RUNNING
    assert subprocess.run(["sh", str(farm / "script")], capture_output=True).returncode == 0
    assert submission.state(ticket, store) == DONE


@pytest.mark.parametrize(
    "text, reason",
    [("echo no licence >&2; exit 1", "no licence"), ("echo thanks", "no number"), ("sleep 60", "no answer")],
)
def test_a_scheduler_that_refuses_is_said(
    text: str, reason: str, farm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "ANSWER_S", 1.0)
    program(farm, "sbatch", f"#!/bin/sh\n{text}\n")
    with pytest.raises(SetupError, match=reason):
        submission.submit("slurm", COMMAND, Resources(), Store(tmp_path / "s"))


def test_no_scheduler_and_no_ticket_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    store = Store(tmp_path / "s")
    with pytest.raises(SetupError, match="sbatch: it is not on PATH"):
        submission.submit("slurm", COMMAND, Resources(), store)
    with pytest.raises(InputError, match="job job-x"):
        submission.read_ticket(store, "job-x")
    (store.root / "jobs/job-x").mkdir(parents=True)
    (store.root / "jobs/job-x/ticket.json").write_text('{"name": 1}')
    with pytest.raises(InputError, match="ticket is damaged"):
        submission.read_ticket(store, "job-x")
    assert submission.tickets(store) == []


def flows(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "flows", *words, "--store", str(tmp_path / "s")]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def test_a_run_is_submitted_and_waited_for(farm: Path, tmp_path: Path) -> None:
    """On a node where Python does not start, so that nothing is built: `wait` ends with an error."""
    program(farm, "sbatch", WITHOUT_PYTHON)
    submitted = flows(tmp_path, "run", "c", "--weight-format=Q1.6", "--submit", "slurm", "--cores=2")
    assert submitted.returncode == 0 and ": failed (slurm 7)" in submitted.stdout
    script = next((tmp_path / "s/jobs").glob("*/job.sh")).read_text()
    assert "-m flows run c --weight-format=Q1.6 --store" in script and "#SBATCH --cpus-per-task=2\n" in script
    waited = flows(tmp_path, "wait")
    assert waited.returncode == 6 and "failed" in waited.stderr and "Traceback" not in waited.stderr
    assert "encodings" in (farm / "log").read_text()


def test_what_cannot_be_built_is_refused_here(farm: Path, tmp_path: Path) -> None:
    """Not after hours in a queue."""
    refused = flows(tmp_path, "run", "hls4ml", "--fifo-depth", "2", "--reuse-factor", "64", "--submit", "slurm")
    assert refused.returncode == 4 and "deadlocks" in refused.stderr and not (tmp_path / "s/jobs").exists()


@pytest.mark.parametrize("option", ["--cores=4", "--memory-gb=16", "--hours=12", "--licences=vivado"])
def test_what_a_job_asks_for_needs_one(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the value is the default."""
    assert main(["run", "c", option]) == 2
    assert f"error: {option.partition('=')[0]}: nothing is submitted. Give --submit" in capsys.readouterr().err
