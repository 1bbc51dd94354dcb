"""Names of layers as C++: whatever a layer is called, the generated sources mean one thing by one name."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.dataflow.layers.blueprint import Blueprint, blueprint
from backends.dataflow.layers.names import identifiers, layer_names, struct, top_name
from backends.dataflow.layers.nodes import MATRIX_VECTOR, WINDOW, nodes
from backends.dataflow.pe_simd import Fold
from backends.hls import BACKEND
from backends.hls.generate.top import stage_texts
from backends.hls.generate.weighted import window_name
from backends.hls.workers.generate import TEMPLATES, files
from flows.core.text import title
from models.network import INPUT, Network
from models.quantised import QuantisedNetwork
from tests.backends.hls.eight_bit import eight_bit
from tests.backends.hls.networks import SMALL, job_on

GOLDEN = Path(__file__).parent / "golden"
KEYWORDS = """
    alignas alignof asm auto bool break case catch char char16_t char32_t class const constexpr const_cast continue
    decltype default delete do double dynamic_cast else enum explicit export extern false float for friend goto if
    inline int long mutable namespace new noexcept nullptr operator private protected public register reinterpret_cast
    return short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try
    typedef typeid typename union unsigned using virtual void volatile wchar_t while
    and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq
"""
"""ISO/IEC 14882:2014, 2.11 [lex.key] and 2.5 [lex.digraph]."""
DECLARATIONS = (
    r"^(?:struct|class|namespace|using) (\w+)",
    r"^typedef .* (\w+);",
    r'^(?:inline |static |extern "C" )*[\w:<>]+ [&*]*(\w+)\(',
    r"^static const [\w ]+?(\w+)(?: =|\[)",
)
ODD = "std size_t uint8_t Conv CONV 2d _ image out in to a_to_b A_TO_B x_out x_weights x_t Beat"
NASTY = [*KEYWORDS.split(), *ODD.split()]
NAMES = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(["a", "b", "A", "to", "out", "weights", "2", "layer", "", "-"]), max_size=4).map("_".join),
    st.text(max_size=6),
).filter(str.isprintable)
WORDS = NAMES.map(lambda name: re.sub(r"\W", "_", name, flags=re.ASCII)).filter(lambda name: name not in ("", INPUT))
"""What `models.network.Network` lets layers be called."""
LAYERS = st.lists(WORDS, min_size=len(SMALL.layers), max_size=10, unique=True)


@cache
def declared() -> set[str]:
    """What the sources that are the same in every project, and the vectors, declare for all."""
    sources = [
        *TEMPLATES.glob("src/*.h"),
        *TEMPLATES.glob("tb/*.*"),
        *TEMPLATES.glob("tb/*/*.h"),
        GOLDEN / "tb/vectors.h",
    ]
    texts = (
        re.sub(r"(^namespace \w+ ){.*?^}  // namespace", r"\1", source.read_text(), flags=re.M | re.S)
        for source in sources
    )
    return {name for text in texts for pattern in DECLARATIONS for name in re.findall(pattern, text, re.M)}


def renamed(names: Sequence[str], network: str = "small") -> Network:
    """The small network with its layers called so."""
    called = {layer.name: name for layer, name in zip(SMALL.layers, names, strict=True)} | {INPUT: INPUT}
    layers = (
        replace(layer, name=called[layer.name], inputs=tuple(called[each] for each in layer.inputs))
        for layer in SMALL.layers
    )
    return Network(network, SMALL.input_shape, tuple(layers))


def unfolded(quantised: QuantisedNetwork) -> Blueprint:
    weighted = [node.name for node in nodes(quantised) if node.kind == MATRIX_VECTOR]
    fifos = {
        (source, node.name): (16, "srl") for node in nodes(quantised) for source in node.sources if source != INPUT
    }
    folds = dict.fromkeys(weighted, Fold(1, 1))
    roms, rows = (dict.fromkeys(names, "lutram") for names in (weighted, windowed(quantised)))
    sums = dict.fromkeys(weighted, 32)
    return Blueprint(quantised, folds, roms, rows, roms, fifos, sums, {}, "xc7z020clg400-1", 10.0)


def windowed(quantised: QuantisedNetwork) -> list[str]:
    """Layers with a window."""
    return [node.layer.name for node in nodes(quantised) if node.kind in (WINDOW, "maxpool2d")]


@given(st.lists(NAMES, unique=True))
@example(["Conv", "conv", "CONV", "conv_", "con-v"])
def test_any_names_become_distinct_identifiers(names: list[str]) -> None:
    texts = identifiers(names)
    assert list(texts) == names
    for each in texts.values():
        assert re.fullmatch("[A-Za-z][A-Za-z0-9_]*", each, re.ASCII), each
        assert "__" not in each and not each.endswith("_"), "double ones are the compiler's"
        assert not {each, struct(each)} & set(KEYWORDS.split())
    structs = {struct(each) for each in texts.values()}
    assert len({each.lower() for each in texts.values()}) == len(names), "files, where case does not count"
    assert len(structs) == len(names) and not structs & set(texts.values()), "a function hides a struct of its name"


@given(st.lists(st.from_regex("[a-z]{3,8}[0-9]", fullmatch=True), unique=True))
def test_names_that_can_stay_do(names: list[str]) -> None:
    usual = [f"block_{name}" for name in names]
    assert identifiers(usual) == {name: name for name in usual}


def test_the_declarations_of_the_templates_are_seen() -> None:
    some = "Beat Counter window receive half_up BYTES expected simulate hls ap_int"
    assert set(some.split()) <= declared()


@pytest.mark.parametrize("name", sorted(declared()))
def test_no_layer_is_called_like_what_is_declared_already(name: str) -> None:
    (text,) = identifiers([name]).values()
    assert not {text, struct(text)} & declared()


@given(LAYERS, NAMES.map(title))
@example(["a", "r", "b", "image_to_a", "image_to_b", "a_out", "a_weights", "a_biases", "a_windows", "s"], "image_to_c")
@example(["a", "r", "b", "IMAGE_TO_A", "To", "TO", "x_t", "B", "A_Out", "s"], "net")
def test_every_name_of_a_project_has_one_meaning(layers: list[str], network: str) -> None:
    """Functions, structs, arrays and streams; streams are local and hide what has their name."""
    project = unfolded(eight_bit(renamed(layers, network)))
    names = layer_names(project.quantised.network)
    written = list(stage_texts(project, names))
    meanings = Counter([*declared_by(project, names), *(stream.name for each in written for stream in each.streams)])
    assert meanings.total() == 1 + 10 + 10 + 2 + 2 * len(project.folds) + len(project.fifos)
    assert [name for name, count in meanings.items() if count > 1 or name in declared()] == []


def declared_by(project: Blueprint, names: Mapping[str, str]) -> Iterator[str]:
    """What the files of the layers may declare."""
    yield top_name(project.quantised.network)
    yield from chain.from_iterable((name, struct(name)) for name in names.values())
    yield from (f"{names[layer]}_{array}" for layer in project.folds for array in ("weights", "biases"))
    yield from (window_name(names[node.layer.name]) for node in project.nodes if node.kind == WINDOW)


def compiles(layers: Sequence[str], network: str, folder: Path) -> None:
    """g++ takes every source of the project without a word."""
    job = job_on(replace(renamed(layers, network), name="network"), folder)
    job = replace(job, network=replace(job.network, name=network))
    for name, text in files(
        blueprint(BACKEND.resolve(job).design), job.weights.tensors(), np.zeros((1, 5), int).tolist()
    ):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    sources = "src/top.cpp", "tb/simulate.cpp", "tb/fifos.cpp", "tb/testbench.cpp"
    includes = [f"-I{folder / each}" for each in ("src", "tb/native", "tb/bounded", "tb/stand_in", "tb")]
    flags = ["-std=c++14", "-fsyntax-only", "-Wno-unknown-pragmas"]
    done = subprocess.run(
        ["g++", *flags, *includes, *(folder / source for source in sources)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


needs_gcc = pytest.mark.skipif(not shutil.which("g++"), reason="g++ is absent")
WORST = "Conv a std FILE b nullptr size_t uint SEEK_SET x"
CLOSE = "conv1 a conv1_weights add c frames stdin alignas BYTES x"
"""Convolutions and dense layers, at places 0, 2, 6 and 8, are functions too."""


@needs_gcc
@pytest.mark.parametrize(("layers", "network"), [(WORST, "frame"), (CLOSE, "expected")])
def test_the_worst_names_compile(tmp_path: Path, layers: str, network: str) -> None:
    compiles(layers.split(), network, tmp_path)


@needs_gcc
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_many_names_compile(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    *layers, network = random.sample([*NASTY, *sorted(declared())], 11)
    compiles(layers, network, tmp_path)
