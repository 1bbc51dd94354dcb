"""The numeric profile as text and as a picture, on rows made for the tests."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flows.core.digest import plain
from flows.core.profile import Judged, Profile, Role, Rounded, Row
from reports.terminal.profile import profile

KERNEL = Row(
    "conv/kernel", Role.KERNEL, "ap_fixed<8,1,AP_RND,AP_SAT>", -1.5, 0.75, -1.0, 0.9921875, 2**-7, 2, 1, 64,
    weights=Rounded(1_600, 6, 1_234, 33.75, (0.0, 0.01, 0.1, 0.2, 0.9)),
)  # fmt: skip
CUT = Row("conv", Role.RESULT, "ap_fixed<8,6,AP_RND,AP_SAT>", -40.0, 20.0, -32.0, 31.75, 0.25, 6, 6, 0, cut=True)
RELU = Row("relu", Role.RESULT, "ap_ufixed<8,7>", 0.0, 20.0, 0.0, 127.5, 0.5, 5, 7, 0)
NEVER = Row("add", Role.RESULT, "ap_ufixed<8,7>", -3.0, 20.0, 0.0, 127.5, 0.5, None, 7, 6)


def of(*rows: Row) -> Profile:
    return Profile("net", "flow", "w" * 16, "q" * 16, "i" * 16, 10_000, rows)


def cells(text: str, tensor: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if re.match(rf"{tensor} +u?fixed<", line))
    return re.split(r"\s{2,}", line)


def test_every_column() -> None:
    text = profile(of(KERNEL, CUT, RELU, NEVER))
    assert cells(text, "conv/kernel") == [
        "conv/kernel", "fixed<8,1,RND,SAT>", "-1.5 .. 0.75", "-1 .. 0.99219", "2^-7", "2", "1", "-1", "64", "6",
        "1,234", "33.8",
    ]  # fmt: skip
    assert cells(text, "relu") == ["relu", "ufixed<8,7>", "0 .. 20", "0 .. 127.5", "2^-1", "5", "7", "+2"]
    assert cells(text, "add")[5:] == ["7", "no sign", "6"]
    assert cells(text, "conv")[5:] == ["6", "6", "0"]
    exact = replace(KERNEL, weights=Rounded(2, 0, 0, None, (0.5,) * 5))
    assert cells(profile(of(exact)), "conv/kernel")[-1] == "exact"


def test_what_needs_a_look_is_said() -> None:
    text = profile(of(KERNEL, CUT, RELU)).replace("\n", " ")
    assert "Leave their types: conv/kernel (by 50 %, 6 of 1,600)." in text
    assert "1,234 of 1,600 weights are rounded to zero." in text
    assert "conv saturates below zero, where a ReLU cuts it anyway." in text
    fine = profile(of(RELU))
    assert fine.endswith("Every tensor stays inside its type.") and "rounded to zero" not in fine


def test_what_each_type_costs_is_a_column() -> None:
    rows = replace(KERNEL, right=780), replace(CUT, right=801), replace(RELU, right=799)
    text = profile(replace(of(*rows), judged=Judged(1_000, 800)))
    assert [cells(text, name)[-1] for name in ("conv/kernel", "conv", "relu")] == ["-2.00", "+0.10", "-0.10"]
    flat = text.replace("\n", " ")
    assert "The float network gets 80.00 % of 1,000 test images right" in flat
    assert "Dearest: conv/kernel (-2.00), relu (-0.10)." in flat
    assert "points" not in profile(of(KERNEL))


Words = Callable[..., list[str]]


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Words:
    pytest.importorskip("matplotlib")
    from reports.pictures import profile as picture
    from reports.pictures import style

    def words(*rows: Row) -> list[str]:
        job, drawn = tmp_path / "profile.json", tmp_path / "profile.svg"
        job.write_text(json.dumps({"profile": plain(of(*rows))}))
        monkeypatch.setattr(sys, "argv", ["profile", str(job), str(drawn)])
        style.main(picture.draw)
        assert "nan" not in drawn.read_text()
        return re.findall(r"<text[^>]*>([^<]*)</text>", drawn.read_text())

    return words


def test_a_picture_names_every_tensor_and_what_leaves_its_type(words: Words) -> None:
    texts = words(KERNEL, CUT, RELU, NEVER)
    assert {"conv kernel", "conv", "relu", "add", "fixed&lt;8,1&gt;", "ufixed&lt;8,7&gt;"} <= set(texts)
    assert {"−1", "+2", "no sign", "leaves its type", "negative side, which a ReLU cuts anyway"} <= set(texts)
    assert "net in flow: what each tensor reaches, over what its type holds" in texts


def test_the_legend_holds_what_is_drawn_and_no_more(words: Words) -> None:
    texts = words(RELU)
    assert not {"leaves its type", "kernel, largest magnitude", "image, largest value"} & set(texts)
    assert "result, largest magnitude on 10,000 training images" in texts
    assert not [text for text in texts if text.startswith("signed type")]


def test_tensors_that_are_zero_and_types_of_one_number_have_a_picture(words: Words) -> None:
    zero = replace(RELU, high=0.0, needed=1)
    nothing = replace(KERNEL, low=0.0, high=0.0, beyond=0, weights=Rounded(4, 0, 0, None, (0.0,) * 5))
    bit = Row("bit", Role.RESULT, "ap_fixed<1,1>", -1.0, 0.0, -1.0, 0.0, 1.0, 1, 1, 0)
    assert {"relu", "conv kernel", "bit"} <= set(words(zero, nothing, bit))
