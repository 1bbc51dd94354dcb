"""Files with hostile names, and with hostile names in them, through the command line: nothing of them is executed."""

from __future__ import annotations

import json
import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from flows.__main__ import main
from tests.models.imported.conftest import Archive, conv_layer

pytest.importorskip("h5py")
CODE = 'net\nextern "C" int system(const char*); static int pwned = system("id > CODE_RAN");\n#pragma x'
HOSTILE = os.fsdecode(f"{CODE} \x1b[31m ??\\".encode() + b"\xff.keras")
LAYERS = [
    conv_layer(3, 4, name='a\n} ; system("id > CODE_RAN"); //', activation="relu"),
    ("MaxPooling2D", {"name": "*/ int x; /*", "pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}, []),
    conv_layer(4, 4, name="values \\"),
    ("GlobalAveragePooling2D", {"name": "clone_conv", "keepdims": False}, []),
    ("Dense", {"name": "NULL", "units": 3, "activation": "linear"}, [np.full((4, 3), 0.3), np.zeros(3)]),
]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    np.save(tmp_path / "images.npy", np.random.default_rng(3).integers(0, 256, (9, 6, 6, 3), np.uint8))
    return tmp_path / "images.npy"


def designed(flow: str, model: Path, images: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder of the design's files: it is built, proven, shown and reported, and none of its names did a thing."""
    home = images.parent
    place = ["--store", str(home / "store")]
    files = [*place, "--out", str(home / "out"), "--json", str(home / "run.json")]
    assert main(["run", flow, "--network", str(model), "--calibration", str(images), *files]) == 0
    (run,) = json.loads((home / "run.json").read_text())["runs"]
    assert run["verification"]["equal"] == run["verification"]["vectors"] > 0
    assert main(["show", run["name"], *place]) == 0 and main(["report", *place, "--out", str(home / "report")]) == 0
    said = capsys.readouterr()
    assert all(line.isprintable() for line in (said.out + said.err).split("\n"))
    assert "extern" not in {line.split()[0] for line in said.out.splitlines() if line.strip()}
    assert not list(home.rglob("CODE_RAN"))
    return home / "out" / run["name"]


built = pytest.mark.skipif(
    not (find_spec("hls4ml") and find_spec("torch") and shutil.which("g++")), reason="hls4ml, torch or g++ is absent"
)


@built
def test_the_manual_flow_compiles_no_name(
    keras_archive: Archive, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = keras_archive(LAYERS).rename(images.parent / HOSTILE)
    out = designed("hls", model, images, capsys)
    top = (out / "project" / "src" / "top.cpp").read_text()
    assert top.startswith("// net_extern_C_int system_const char_static int pwne for xc7z020clg400-1 at 10 ns: ")
    assert "    // a_system_id_CODE_RAN: 3x3 convolution" in top and "static int" not in re.sub("//.*", "", top)


@built
@pytest.mark.slow
def test_hls4ml_takes_no_name(keras_archive: Archive, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = keras_archive(LAYERS).rename(images.parent / HOSTILE)
    out = designed("hls4ml", model, images, capsys)
    source = (out / "project" / "firmware" / "myproject.cpp").read_text()
    assert "// a_system_id_CODE_RAN" in source and "// layer_clone_conv" in source
    assert all(re.fullmatch(r" [\w-]+|.*hls-fpga.*", text) for text in re.findall(r"; //(.*)", source))


@pytest.mark.parametrize("name", ["..", "-rf $(id) {{ 7 * 7 }} \x1b[31m\u202e", "网络"])
def test_a_network_is_called_by_a_title(
    keras_archive: Archive, images: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    pytest.importorskip("torch")
    model = keras_archive(LAYERS).rename(images.parent / f"{name}x.keras")
    assert main(["estimate", "hls", "--network", str(model), "--calibration", str(images)]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert re.match(r"\w[\w. -]*: 275 parameters, ", head), head


def test_an_operator_is_refused_and_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import helper

    evil = "\x1b[31mEvil\u202e\n  verdict: fits"
    tensors = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 8, 8]), ("y", [1, 3]))
    ]
    node = helper.make_node(evil, ["x"], ["y"], name=evil)
    model = helper.make_model(helper.make_graph([node], evil, tensors[:1], tensors[1:]))
    (tmp_path / "evil.onnx").write_bytes(model.SerializeToString())
    for command, code in ((["estimate", "hls", "--network"], 3), (["check", "finn"], 4)):
        assert main([*command, str(tmp_path / "evil.onnx")]) == code
        said = capsys.readouterr()
        text = said.out + said.err
        assert r"(\x1b[31mEvil\u202e" in text and all(line.isprintable() for line in text.split("\n"))
        assert "  verdict: fits" not in text.split("\n")
