"""`flows report`, `diff`, `gate` and `show`, as a user meets them, on a store that was filled by hand."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import flows
from flows.__main__ import main
from flows.core.errors import InputError
from flows.core.evidence import RESOURCES, Metric, Reading, Tier
from flows.core.part import devices
from flows.core.record import Document, NetworkFacts, Run, StepFacts, Verification, WeightsFacts, document_to_json
from flows.jobs import PRETRAINED, Trained
from flows.store import Store

D = "0123456789abcdef"
POLICY = """
schema = "zynqflows-policy/1"
[[rule]]
name = "r"
metric = "lut"
part = "xc7z020"
max_share = 1
"""
IMPOSSIBLE = Path(__file__).parent / "records/record_impossible.json"
LAYERS = [f"layer{place}" for place in range(20)]


def run(flow: str, device: str, share: float = 0.5) -> Run:
    part = devices()[device]
    readings = []
    for metric in RESOURCES:
        value = share * part.available(metric)
        readings.append(
            Reading(metric, value, Tier.MODELLED, device, "a model", predicts=Tier.HLS, low=value, high=value)
        )
        readings += [
            Reading(metric, value / 20, Tier.MODELLED, device, f"the model of {layer}, exact in 22 of 23 rows", layer)
            for layer in LAYERS
        ]
    for metric in (Metric.INTERVAL_CYCLES, Metric.LATENCY_US, Metric.THROUGHPUT_FPS):
        readings.append(Reading(metric, 1000, Tier.MODELLED, "clock", "a simulation", predicts=Tier.RTL_SIMULATED))
    readings += [Reading(Metric.INTERVAL_CYCLES, 50, Tier.MODELLED, "clock", "busy", layer) for layer in LAYERS]
    readings.append(Reading(Metric.ACCURACY, 0.8, Tier.EVALUATED, "images", "reference", low=0.79, high=0.81, n=10_000))
    steps = (StepFacts("build", "done", 1.0, {"g++": "12"}, "", None),)
    return Run(
        f"{flow}-{device}-abc123", flow, f"{device}{part.packages[0]}-1", device, 10.0, {"speed": "3"},
        WeightsFacts(D, None), D, tuple(readings), Verification(16, 16, "a simulation"), steps, (), (), "again", (8,),
    )  # fmt: skip


def save(store: Path, *runs: Run, architecture: str = D) -> None:
    for run in runs:
        document = Document(NetworkFacts("arch8", 52_622, 19_325_488, architecture), (run,))
        Store(store).save(run.name, document_to_json(document))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    save(folder, run("a", "xc7z010", 1.4), run("a", "xc7z020"), run("b", "xc7z020", 0.7))
    return folder


def said(capsys: pytest.CaptureFixture[str], store: Path, *argv: object, code: int = 0) -> str:
    assert main([*map(str, argv), "--store", str(store)]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.err if code else captured.out


def test_a_report_in_every_format(capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    printed = said(capsys, store, "report", "--out", out)
    assert f"{run('a', 'xc7z010').part} (" in printed and "Nothing fits, judged at csynth\n  a: over\n" in printed
    names = {"report.html", "report.md", "report.csv", "report.json", "report.junit.xml"}
    assert {path.name for path in out.iterdir()} == names
    assert json.loads((out / "report.json").read_text())["schema"] == "zynqflows-comparison/2"
    again = tmp_path / "again"
    said(capsys, store, "report", out / "report.json", "--out", again)
    assert (again / "report.html").read_text() == (out / "report.html").read_text()


def test_chosen_runs_alone(capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path) -> None:
    said(capsys, store, "report", "b-xc7z020", "--out", tmp_path / "out")
    content = json.loads((tmp_path / "out/report.json").read_text())
    assert [each["name"] for each in content["document"]["runs"]] == ["b-xc7z020-abc123"]


def test_parts_choose(capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path) -> None:
    """By device, full name or board; several with commas, or repeated."""

    def reported(*words: str) -> set[str]:
        said(capsys, store, "report", *words, "--out", tmp_path / "out")
        content = json.loads((tmp_path / "out/report.json").read_text())
        return {each["part"] for each in content["document"]["runs"]}

    both = reported()
    assert both == {"xc7z010clg400-1", "xc7z020clg400-1"}
    assert reported("--part", "xc7z010,pynq-z2") == reported("--part", "xc7z010", "--part", "pynq-z2") == both
    assert reported("--part", "zybo-z7-10") == {"xc7z010clg400-1"}
    error = said(capsys, store, "report", "--part", "zedboard", "--out", tmp_path / "out", code=3)
    assert "part xc7z020clg484-1: no run is on it" in error
    for bad in ("", ",", "xc7z010,,xc7z020", "xc7z011"):
        assert "part" in said(capsys, store, "report", "--part", bad, "--out", tmp_path / "out", code=2)


def test_missing_runs_are_reported_where_they_cannot_be_run(
    capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import registry

    asked = []

    def entry_points() -> dict[str, metadata.EntryPoint]:
        asked.append(1)
        return {}

    monkeypatch.setattr(registry, "names", lambda: ("a", "nowhere"))
    monkeypatch.setattr(registry, "_entry_points", entry_points)
    said(capsys, store, "report", "--run", "--part", "xc7z020", "--out", tmp_path / "out")
    page = (tmp_path / "out/report.md").read_text()
    assert asked and "**no run**: nowhere on xc7z020clg400-1: " in page and "**no run**: a on" not in page


def test_a_missing_run_starts_from_the_weights_that_its_flow_ships(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import registry, runner

    started = {}
    monkeypatch.setattr(registry, "names", lambda: ("finn", "hls4ml"))
    monkeypatch.setattr(runner, "run", lambda backend, trained, *rest: started.update({backend.name: trained.weights}))
    assert main(["report", "--run", "--part", "xc7z020", "--out", str(tmp_path / "out"), "--store", str(store)]) == 0
    assert started["finn"].path == PRETRAINED / "arch8-w4a4.safetensors"
    assert started["hls4ml"].path == PRETRAINED / "arch8.safetensors"


def test_missing_runs_are_of_the_network_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import registry, runner

    names = []

    def ran(backend: object, trained: Trained, *rest: Any) -> None:
        names.append((trained.network.name, rest[-1]))
        document = Document(runner.network_facts(trained), (run("a", "xc7z020"),))
        Store(store).save("a-xc7z020-fedcba", document_to_json(document))

    monkeypatch.setattr(registry, "names", lambda: ("hls4ml",))
    monkeypatch.setattr(runner, "run", ran)
    asked = "report", "--run", "--part", "xc7z020", "--network", "arch5", "--out", tmp_path / "out"
    said(capsys, store, *asked)
    assert names == [("arch5", "python -m flows run hls4ml --part xc7z020 --network arch5")]
    assert "arch55" in said(capsys, store, *asked[:5], "arch55", "--out", tmp_path / "out", code=2)


def test_bad_records_are_refused_by_name(capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path) -> None:
    record = store / "runs/a-xc7z020-abc123.json"
    text = record.read_text()
    for damaged, fact in ((text[:5000], "truncated"), (text.replace("zynqflows/3", "zynqflows/0"), "zynqflows/0")):
        record.write_text(damaged)
        error = said(capsys, store, "report", "a-xc7z020", "--out", tmp_path, code=3)
        assert "a-xc7z020-abc123.json" in error and fact in error
    record.unlink()
    assert "no such file" in said(capsys, store, "report", "nothing.json", "--out", tmp_path, code=3)
    assert "no runs in it" in said(capsys, tmp_path / "empty", "report", "--out", tmp_path, code=3)


def test_runs_of_several_networks_are_distinguished(
    capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path
) -> None:
    other = "fedcba9876543210"
    save(store, run("c", "xc7z020"), architecture=other)
    printed = said(capsys, store, "compare")
    assert printed.count("architecture ") == 2 and other in printed and D in printed
    assert "c-xc7z020" not in said(capsys, store, "compare", "--network", D)
    assert other in said(capsys, store, "compare", "--json", tmp_path / "a.json", code=2)
    only = tmp_path / "only.json"
    said(capsys, store, "compare", "--network", other, "--json", only)
    assert said(capsys, store, "compare", only) == said(capsys, store, "compare", "--network", other)
    said(capsys, store, "report", "--out", tmp_path)
    assert "c-xc7z020" in (tmp_path / f"arch8-{other}/report.csv").read_text()
    assert "c-xc7z020" not in (tmp_path / f"arch8-{D}/report.csv").read_text()
    said(capsys, store, "report", "--network", other, "--out", tmp_path)
    assert "c-xc7z020" in (tmp_path / "report.csv").read_text()
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    assert "c-xc7z020" in said(capsys, store, "gate", "--policy", policy)
    assert "c-xc7z020" not in said(capsys, store, "gate", "--policy", policy, "--network", D)
    assert "arch8" in said(capsys, store, "compare", "--network", "arch9", code=2)


def test_runs_are_listed_and_taken_out(capsys: pytest.CaptureFixture[str], store: Path) -> None:
    assert "b-xc7z020" in said(capsys, store, "list", "runs")
    (program,) = flows.estimate("c")
    Store(store).save(program.name, document_to_json(Document(program.network, (program.run,))))
    listed = said(capsys, store, "list", "runs").splitlines()
    assert [line.count("10 ns") for line in listed if line.startswith(("b-", "c-"))] == [1, 0]  # of the fabric
    assert "no such run" in said(capsys, store, "rm", "b-xc7z020", "zzz", code=3)
    assert said(capsys, store, "rm", "b-xc7z020").startswith("removed: b-xc7z020-")
    assert "b-xc7z020" not in said(capsys, store, "list", "runs")


@pytest.mark.parametrize("damage", ["truncated", "folder", "pipe", "impossible", "empty"])
def test_a_bad_record_is_left_out_and_named(
    capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path, damage: str
) -> None:
    bad = store / "runs/z-xc7z020-abc123.json"
    if damage == "folder":
        bad.mkdir()
    elif damage == "pipe":
        os.mkfifo(bad)
    else:
        texts = {"truncated": '{"schema": "zynqflows/1', "empty": "", "impossible": IMPOSSIBLE.read_text()}
        bad.write_text(texts[damage])
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    for argv in (["compare"], ["report", "--out", tmp_path / "out"], ["gate", "--policy", policy]):
        assert main([*map(str, argv), "--store", str(store)]) == 0
        printed = capsys.readouterr()
        assert (
            printed.err.count("warning: left out: ") == 1 and str(bad) in printed.err and "a-xc7z020" not in printed.err
        )
    for argv in (["show", "a-xc7z020"], ["diff", "a-xc7z020", "b-xc7z020"]):
        assert main([*map(str, argv), "--store", str(store)]) == 0
        assert "warning" not in capsys.readouterr().err
    assert bad.name in said(capsys, store, "show", "z-xc7z020", code=3)


def test_a_store_of_bad_records_alone_has_no_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/a.json").write_text("[]")
    assert "no run in it can be read" in said(capsys, tmp_path, "compare", code=3)


def test_reading_writes_nothing_into_the_store(
    capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a medium that cannot be written: root may write anywhere, so that modes would prove nothing."""
    before = sorted(store.rglob("*"))
    real_open, real_mkdir = os.open, Path.mkdir

    def refuse(path: Any) -> None:
        if store in (Path(path), *Path(path).parents):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def read_only(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse(path)
        return real_open(path, flags, *rest, **more)

    def no_folder(path: Path, *rest: Any, **more: Any) -> None:
        refuse(path)
        real_mkdir(path, *rest, **more)

    monkeypatch.setattr(os, "open", read_only)
    monkeypatch.setattr(Path, "mkdir", no_folder)
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    for argv in (
        ["compare"], ["show", "a-xc7z020"], ["report", "--out", tmp_path / "out"], ["diff", "a-xc7z020", "b-xc7z020"],
        ["gate", "--policy", policy, "--junit", tmp_path / "j.xml"], ["store", "prune", "--dry-run"],
    ):  # fmt: skip
        said(capsys, store, *argv)
    assert sorted(store.rglob("*")) == before
    assert "cannot be written (Read-only file system)" in said(capsys, store, "run", "hls4ml", code=5)


def test_a_record_from_before_weight_bits_is_read(
    capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path
) -> None:
    record = store / "runs/a-xc7z020-abc123.json"
    content = json.loads(record.read_text())
    content["schema"] = "zynqflows/1"
    for name in ("weight_bits", "margins", "verdict", "headline"):
        del content["runs"][0][name]
    for reading in content["runs"][0]["readings"]:
        del reading["of"]
    record.write_text(json.dumps(content))
    said(capsys, store, "report", "a-xc7z020-abc123", "--out", tmp_path / "out")
    assert "| weight bits | unknown |" in (tmp_path / "out/report.md").read_text()


def test_what_changed(capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path) -> None:
    printed = said(
        capsys, store, "diff", "a-xc7z020", "b-xc7z020", "--tolerance", "dsp=50", "--html", tmp_path / "d.html"
    )
    assert "+40.00 %  within the tolerance" in printed and "layer0 lut" in printed
    assert "<td>input</td><td>flow</td><td>a</td><td>b</td>" in (tmp_path / "d.html").read_text()
    assert said(capsys, store, "diff", "a-xc7z020", "b-xc7z020", "--markdown").startswith("# What changed")
    assert "luts is no metric" in said(capsys, store, "diff", "a", "b", "--tolerance", "luts=5", code=2)
    assert "is no tolerance" in said(capsys, store, "diff", "a", "b", "--tolerance", "-5", code=2)


def test_a_gate(capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    rule = '[[rule]]\nname = "room"\nmetric = "lut"\npart = "xc7z020"\nmax_share = {}\n'
    policy.write_text('schema = "zynqflows-policy/1"\n' + rule.format(0.7))
    assert said(capsys, store, "gate", "--policy", policy).count("kept") == 2
    policy.write_text('schema = "zynqflows-policy/1"\n' + rule.format(0.6))
    error = said(capsys, store, "gate", "--policy", policy, "--junit", tmp_path / "j.xml", code=10)
    assert "1 of 2 checks broken (room)" in error and 'failures="1"' in (tmp_path / "j.xml").read_text()
    baseline = store / "runs/b-xc7z020-abc123.json"
    head = f'schema = "zynqflows-policy/1"\nbaseline = "{os.path.relpath(baseline, tmp_path)}"\n'
    policy.write_text(head + '[[rule]]\nname = "same"\nmetric = "lut"\nmax_worse = 0.05\n')
    assert said(capsys, store, "gate", "b-xc7z020", "--policy", policy).count("kept") == 1
    assert "no such file" in said(capsys, store, "gate", "--policy", tmp_path / "none.toml", code=3)
    for place in ("/etc/passwd", "/dev/zero", ".", "absent.json"):
        policy.write_text(f'schema = "zynqflows-policy/1"\nbaseline = "{place}"\n' + rule.format(0.7))
        error = said(capsys, store, "gate", "--policy", policy, code=3)
        assert place in error and "root:" not in error and error.count("\n") == 1


def test_one_run_block_by_block(capsys: pytest.CaptureFixture[str], store: Path) -> None:
    printed = said(capsys, store, "show", "b-xc7z020")
    assert "lut, modelled: each begins where the last one ended" in printed and "bottleneck" in printed


def test_fifty_designs_make_a_small_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`benchmarks/speed.py` measures how long it takes."""
    names = list(devices())[:10]
    save(tmp_path / "s", *(run(flow, device, 0.2 + 0.2 * at) for at, flow in enumerate("abcde") for device in names))
    said(capsys, tmp_path / "s", "report", "--out", tmp_path / "out")
    assert (tmp_path / "out/report.html").stat().st_size < 3e6


def test_a_comparison_loads_no_heavy_package(tmp_path: Path) -> None:
    save(tmp_path / "s", run("a", "xc7z020", 0.4))
    code = (
        "import sys\n"
        "from flows.__main__ import main\n"
        "status = main(['compare', '--store', sys.argv[1]])\n"
        "sys.exit(status or sorted({'numpy', 'torch', 'jinja2', 'matplotlib', 'onnx'} & set(sys.modules)) or 0)"
    )
    root = Path(flows.__file__).parents[1]
    ended = subprocess.run([sys.executable, "-c", code, tmp_path / "s"], cwd=root, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_gate_judges_with_the_margins_of_its_policy(
    capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    head = 'schema = "zynqflows-policy/1"\n'
    for text, code in (
        ('[[rule]]\nname = "fits"\nverdict = "fits"\npart = "xc7z020"\n', 0),
        ('[margin]\nlut = 0.6\n[[rule]]\nname = "fits"\nverdict = "fits"\npart = "xc7z020"\n', 10),
        ("[margin]\nlut = 0.6\n", 3),  # a gate with no rule has not passed
    ):
        policy.write_text(head + text)
        said(capsys, store, "gate", "--policy", policy, code=code)


def test_a_name_may_end_at_a_dash_or_in_the_digest(tmp_path: Path) -> None:
    """`flows rm hls` takes no run of hls4ml out."""
    store = Store(tmp_path)
    for name in ("hls4ml-xc7z020-c99aa2", "hls4ml-xc7z020-c1aaaa", "my-flow-xc7z010-aaaaaa"):
        store.save(name, "{}")
    for name in ("hls", "hls4ml-xc7z0", "my-flow-xc", "c99aa2"):
        with pytest.raises(InputError, match="no such run"):
            store.find(name)
    with pytest.raises(InputError, match="2 runs begin with it"):
        store.find("hls4ml-xc7z020")
    assert store.find("hls4ml-xc7z020-c9") == store.find("hls4ml-xc7z020-c99aa2") == "hls4ml-xc7z020-c99aa2"
    assert store.find("my") == store.find("my-flow") == store.find("my-flow-xc7z010-a") == "my-flow-xc7z010-aaaaaa"


def test_an_estimate_is_kept_and_replaces_no_build(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    estimate = ("estimate", "c", "--network", "arch5", "--part", "zybo-z7-10", "--keep")
    printed = said(capsys, tmp_path, *estimate)
    (name,) = Store(tmp_path).names()
    assert f"{name}: kept" in printed and name in said(capsys, tmp_path, "compare")
    document = Store(tmp_path).record(name)
    built = replace(document.runs[0], steps=(StepFacts("build", "done", 1.0, {}, "", None),))
    Store(tmp_path).save(name, document_to_json(replace(document, runs=(built,))))
    assert f"{name}: was built before, and its record stays" in said(capsys, tmp_path, *estimate)
    assert Store(tmp_path).record(name).runs[0].steps
