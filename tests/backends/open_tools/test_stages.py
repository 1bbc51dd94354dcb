"""Stages of open synthesis: what of the library they read, what is set, and what a netlist is counted as."""

from __future__ import annotations

import pytest

from backends.open_tools import stage as stages
from backends.open_tools.counts import NetlistCounts, counts, from_statistics
from backends.open_tools.stage import MemoryFile, RtlStage
from tests.backends.open_tools.stand_ins import LIBRARY, STATISTICS, stage


def test_a_stage_reads_the_modules_that_it_consists_of_and_no_other() -> None:
    files = stages.files(stage("layer"), LIBRARY)
    assert set(files) == {"stage.sv", "counter.sv", "adder.sv", "words.mem"}


def test_its_parameters_are_set_and_its_ports_are_the_modules() -> None:
    text = stages.around(stage("layer", bits=7), LIBRARY["counter"])
    assert "parameter BITS = 7" in text and 'parameter STORAGE = "distributed"' in text
    assert 'parameter WORDS = "words.mem"' in text
    assert "output logic [BITS-1:0] count" in text and "not_a_port" not in text
    assert ".BITS(BITS), .WORDS(WORDS), .STORAGE(STORAGE)" in text


def test_a_number_with_its_width_is_no_string() -> None:
    text = stages.around(RtlStage("a", "counter", {"BITS": "64'd9"}), LIBRARY["counter"])
    assert "parameter BITS = 64'd9" in text


def test_a_parameter_that_the_module_does_not_have_is_named() -> None:
    with pytest.raises(ValueError, match="counter has no parameter PE"):
        stages.around(RtlStage("a", "counter", {"PE": 3}), LIBRARY["counter"])


def test_contents_of_memories_are_words_of_their_width_and_always_the_same() -> None:
    memory = MemoryFile(width=13, depth=50)
    words = memory.contents("WORDS").split()
    assert len(words) == 50 and all(len(word) == 4 and int(word, 16) < 1 << 13 for word in words)
    assert max(int(word, 16) for word in words) >= 1 << 12
    assert memory.contents("WORDS") == MemoryFile(13, 50).contents("WORDS") != memory.contents("BIASES")


def test_stages_that_are_built_alike_are_of_one_kind() -> None:
    assert stage("one").kind == stage("other").kind != stage("one", bits=5).kind


def test_a_netlist_is_counted_in_what_the_part_has() -> None:
    assert from_statistics(STATISTICS) == NetlistCounts(logic=3, memory=4, ff=5, dsp=2)
    assert counts({"INV": 2, "SRL16E": 3, "RAM64X1D": 1, "FDSE": 1, "RAMB18E1": 3}) == NetlistCounts(2, 5, 1, 3)
    assert counts({"LUT1": 1}) + counts({"LUT2": 1, "MUXF7": 5}) == NetlistCounts(logic=2)


@pytest.mark.parametrize(
    "report",
    [
        None,
        [],
        {},
        {"modules": {}},
        {"modules": {"a": {}, "b": {}}},
        {"modules": {"a": {"num_cells_by_type": {"LUT6": -1}}}},
        {"modules": {"a": {"num_cells_by_type": {"LUT6": 1.5}}}},
        {"modules": {"a": {"num_cells_by_type": ["LUT6"]}}},
    ],
)
def test_other_statistics_are_refused(report: object) -> None:
    with pytest.raises(ValueError):
        from_statistics(report)
