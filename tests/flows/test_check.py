"""`flows check` from the command line to the verdicts, each file judged in a step of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backends.finn.readiness.step import readiness_step
from flows import registry
from flows.__main__ import main
from flows.core.errors import StepFailed
from flows.core.plan import PYTHON, Output, Plan, Step
from flows.core.readiness import SCHEMA, Status, readiness_from_json
from flows.executor import Executor
from flows.store import Store
from models.zoo import ARCH7, ARCH8

onnx = pytest.importorskip("onnx")
from tests.backends.finn.graphs import find, ready, settle, take_out  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
Said = Callable[..., str]


@pytest.fixture(autouse=True)
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """FINN's judge and a flow without one, whatever else is installed."""
    flows = {"finn": SimpleNamespace(readiness_step=readiness_step), "mute": SimpleNamespace(readiness_step=None)}
    monkeypatch.setattr(registry, "load", lambda name: flows[name])
    yield


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What `flows check` prints on both streams, after its exit code was looked at; never a traceback."""
    store = str(tmp_path_factory.mktemp("store"))

    def check(*argv: Any, flow: str = "finn", code: int = 0) -> str:
        assert main(["check", flow, *map(str, argv), "--store", store]) == code
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert not code or captured.err.splitlines()[-1].startswith("error: ")
        return " ".join((captured.out + captured.err).split())

    return check


def saved(model: Any, folder: Path, name: str = "own.onnx") -> Path:
    onnx.save(model, folder / name)
    return folder / name


def test_a_ready_graph_of_the_architecture(said: Said, tmp_path: Path) -> None:
    out = tmp_path / "verdicts.json"
    text = said(saved(ready(ARCH8), tmp_path), "--network", "arch8", "--json", out)
    assert (
        "own.onnx: 20 held, 2 not applicable; judged by finn-plus 1.6.1" in text
        and "the graph is arch8" in text
        and "broken" not in text
    )
    content = json.loads(out.read_text())
    assert content["schema"] == SCHEMA
    statuses = {verdict.status for verdict in readiness_from_json(content).verdicts}
    assert statuses == {Status.HELD, Status.NOT_APPLICABLE}  # no product, no concatenation


def test_the_file_may_be_named_as_for_other_commands_take_it(said: Said, tmp_path: Path) -> None:
    assert "own.onnx: 19 held, 2 not applicable" in said("--network", saved(ready(), tmp_path))


def test_what_is_broken_is_reported_with_node_and_change(said: Said, tmp_path: Path) -> None:
    model = ready(ARCH8)
    settle(model, "block1_conv2", group=2)
    place = list(model.graph.node).index(find(model, "block1_conv2"))
    text = said(saved(model, tmp_path), code=4)
    assert "convolution broken over images" in text and "convolution is broken:" in text
    assert f"node[{place}] 'block1_conv2' (Conv): a convolution of 2 groups" in text and "Take group=1" in text
    assert "error: own.onnx: not ready: it breaks 1 condition (convolution)." in text


def test_what_is_taken_but_slower_fails_nothing(said: Said, tmp_path: Path) -> None:
    model = ready(ARCH8)
    settle(model, "block1_conv2_wq", narrow=0)
    out = tmp_path / "verdicts.json"
    text = said(saved(model, tmp_path), "--json", out)
    assert "1 taken but slower" in text and "narrow-weights is taken but slower:" in text and "broken" not in text
    (slower,) = (verdict for verdict in readiness_from_json(json.loads(out.read_text())).verdicts if verdict.findings)
    assert slower.status is Status.SLOWER and slower.findings[0].taken and slower.judged == "finn-plus 1.6.1"


def test_another_network_is_an_error_of_its_own(said: Said, tmp_path: Path) -> None:
    model = saved(ready(ARCH7), tmp_path)
    said(model)
    text = said(model, "--network", "arch8", code=3)
    assert "another network" in text and "filters 32" in text and "filters 28" in text


def test_both_are_reported(said: Said, tmp_path: Path) -> None:
    model = ready(ARCH7)
    settle(model, "q_in", rounding_mode="FLOOR")
    text = said(saved(model, tmp_path), "--network", "arch8", code=3)
    assert "it breaks 1 condition (rounding)" in text and "another network" in text


def test_a_second_check_reads_nothing_twice(said: Said, tmp_path: Path) -> None:
    model = saved(ready(), tmp_path)
    assert "whether own.onnx is FINN-ready" in said(model)
    assert "whether own.onnx is FINN-ready" not in said(model)


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["nowhere.onnx"], 3, "nowhere.onnx: no such file"),
        (["."], 3, "not a regular file"),
        ([], 2, "no file is given"),
        (["--network", "arch8"], 3, "arch8: no such file"),
        (["x.onnx", "--network", "arch9"], 2, "Did you mean arch8"),
        (["x.onnx", "--json", "x.onnx/out.json"], 5, "cannot be written"),
    ],
)
def test_bad_arguments(argv: list[str], code: int, words: str, said: Said, monkeypatch: Any, tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert words in said(*argv, code=code)


def test_a_flow_that_judges_no_files(said: Said) -> None:
    assert "judges no files" in said("x.onnx", flow="mute", code=2)


def test_what_is_no_onnx_file(said: Said, tmp_path: Path) -> None:
    (tmp_path / "own.onnx").write_bytes(b"no protobuf at all")
    assert "own.onnx: no ONNX file" in said(tmp_path / "own.onnx", code=3)


def test_a_truncated_file(said: Said, tmp_path: Path) -> None:
    path = saved(ready(), tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    assert "no ONNX file" in said(path, code=3)


def test_weights_beside_the_model(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    onnx.save(ready(ARCH8), path, save_as_external_data=True, location="own.data", size_threshold=0)
    assert "20 held" in said(path, "--network", "arch8")
    (tmp_path / "own.data").rename(tmp_path / "gone.data")
    assert "own.data: no such file. Put it beside the model again." in said(path, "--network", "arch8", code=3)


def test_weights_outside_the_folder(said: Said, tmp_path: Path) -> None:
    model = ready()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../own.data")
    (tmp_path / "own.onnx").write_bytes(model.SerializeToString())
    assert "outside the model's folder" in said(tmp_path / "own.onnx", code=3)


def test_a_link_out_of_the_folder(said: Said, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "own.onnx"
    onnx.save(ready(), path, save_as_external_data=True, location="own.data", size_threshold=0)
    (tmp_path / "model" / "own.data").rename(tmp_path / "own.data")
    (tmp_path / "model" / "own.data").symlink_to(tmp_path / "own.data")
    assert "outside the model's folder" in said(path, code=3)


def test_as_a_stage_of_a_run_it_fails_what_is_not_ready(tmp_path: Path) -> None:
    """What needs the graph must not start then."""
    executor = Executor(Store(tmp_path / "store"), 1, lambda *each: None)
    take_out(bare := ready(), "r1_q")
    paths = [str(saved(model, tmp_path, name)) for model, name in ((ready(), "ready.onnx"), (bare, "bare.onnx"))]
    code = "import shutil, sys; shutil.copy(sys.argv[1], 'model.onnx')"
    exports = [Step("export", "exports", PYTHON, (PYTHON, "-c", code, path), makes=("model.onnx",)) for path in paths]
    judged = readiness_step(Output("export", "model.onnx"), required=True)
    result = executor.execute(Plan((exports[0], judged))).path(Output(judged.name, *judged.makes))
    assert result and not readiness_from_json(json.loads(result.read_text())).broken
    with pytest.raises(StepFailed, match=r"is not FINN-ready: .*'r1' .Relu"):
        executor.execute(Plan((exports[1], judged)))


def test_the_command_line_loads_no_onnx() -> None:
    code = (
        "import sys; from flows.__main__ import main\n"
        "try: main(['check', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'onnx', 'numpy', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
