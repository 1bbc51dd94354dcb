"""`flows search`: bits by tensor that keep an accuracy, the images that choose them, and a search that was ended."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flows
from flows import designs, registry, scores
from flows.__main__ import main
from flows.core.errors import FlowsError, SetupError, UsageError
from flows.core.evidence import Metric
from flows.core.mixed import Search
from flows.core.plan import Asset
from flows.core.record_reader import document_from_json
from flows.designs import Request, Source
from flows.executor import Executor
from flows.prepared import Prepared
from flows.results import Counts
from flows.searching.goal import goal
from flows.searching.images import SearchImages, search_images
from flows.searching.search import opened, search_designs
from flows.store import Store
from models import cifar10
from reports import mixed

MODEL = Path(__file__).parent / "cases" / "clock_missed" / "named_seq.keras"
RANGES = MODEL.with_name("c12.npy")
N = 1000


def few_bits_lose(prepared: Prepared, batch: Asset, executor: Executor) -> Counts:
    """In place of an evaluation: a bit less of any weight costs 5 of 1,000 images."""
    missing = sum(8 - bits for bits in prepared.quantised.weight_bits.values())
    return Counts(N, 900 - 5 * missing, 900, 900 - 5 * missing, "0123456789abcdef")


class Asked:
    """A search over the tiny network, in a store of its own; `measured` counts the evaluations."""

    def __init__(self, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.measured, self.most = Store(store), 0, 10**9
        monkeypatch.setattr(scores, "counted", self._counted)

    def _counted(self, prepared: Prepared, batch: Asset, executor: Executor) -> Counts:
        self.measured += 1
        if self.measured > self.most:
            raise KeyboardInterrupt
        return few_bits_lose(prepared, batch, executor)

    def __call__(
        self, flow: str = "hls4ml", trials: int = 12, widths: Sequence[int] = (4, 6, 8), **more: Any
    ) -> Search:
        steps = Executor(self.store, 1, lambda event, step, text: None)
        source = Source(str(MODEL), calibration=RANGES)
        trained = designs.trained_network(source, lambda: steps)
        request = Request((flow,), {flow: registry.load(flow).options()}, source)
        asked = opened(request, trained, self.store, widths)
        images = SearchImages(Asset(RANGES, "a"), "images of the test", Asset(RANGES, "b"), "others")
        wanted = goal(**{"keep_accuracy": 2.0, "bits": widths, "cost": "lut", "trials": trials, **more})
        return search_designs(asked, wanted, images, steps, lambda *each: None)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(tmp_path / "store", monkeypatch)


@pytest.mark.parametrize("flow", ["hls4ml", "hls"])
def test_the_best_is_the_cheapest_that_keeps_the_accuracy(asked: Asked, flow: str) -> None:
    search = asked(flow)
    assert search.best and search.final
    enough = [each for each in search.tried if each.lost <= search.keep]
    assert search.best.cost == min(each.cost for each in enough) < search.tried[0].cost
    assert set(search.tried[0].bits.values()) == {8}
    assert all(each.bits.keys() == search.best.bits.keys() for each in search.tried)
    accuracies = {
        reading.on for each in search.tried for reading in each.run.readings if reading.metric is Metric.ACCURACY
    }
    assert accuracies == {f"{N:,} images of the test (012345)"}
    assert {reading.on for reading in search.final.readings if reading.metric is Metric.ACCURACY} == {f"{N:,} others"}
    front = [item for item, _ in mixed.front(search)]
    assert [each.cost for each in front] == sorted(each.cost for each in front)
    assert not [each for each in search.tried for best in front if each.cost < best.cost and each.lost <= best.lost]


def test_a_search_that_was_ended_goes_on_as_if_it_had_not_been(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = asked()
    other = Asked(tmp_path / "other", monkeypatch)
    other.most = 6
    with pytest.raises(KeyboardInterrupt):
        other()
    (journal,) = (other.store.root / "searches").glob("*.journal")
    with journal.open("a") as file:
        file.write('{"op_code": 4, "wor')  # a kill in the middle of a line
    other.most, other.measured = 10**9, 0
    again = other()
    assert [(each.bits, each.cost, each.lost) for each in again.tried] == [
        (each.bits, each.cost, each.lost) for each in whole.tried
    ]
    assert other.measured <= asked.measured - 5
    other.measured = 0
    assert other() == again and other.measured <= 1, "only the test images are asked for"


def test_a_full_disk_is_said_and_a_search_goes_on(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    left, real = [12], os.fsync

    def full(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SetupError, match="no room left on its disk"):
            asked(trials=6)
    assert len(asked(trials=6).tried) == 6


def test_the_same_search_twice_at_once_is_refused(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(trials=3)
    (journal,) = (asked.store.root / "searches").glob("*.journal")
    with asked.store.lock(journal.stem), pytest.raises(SetupError, match="another process is at this very search"):
        asked(trials=4)


def test_more_trials_go_on_from_those_before(asked: Asked) -> None:
    few = asked(trials=5)
    more = asked(trials=8)
    assert more.tried[: len(few.tried)] == few.tried


def test_no_design_that_keeps_the_accuracy_is_a_result(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "counted", lambda *asked: Counts(N, 100, 900, 100, "0" * 16))
    search = asked(trials=4)
    assert search.best is None and search.final is None and search.tried


@pytest.mark.parametrize("widths", [[8], [1, 8], [8, 64], []])
def test_widths_that_leave_nothing_to_choose_are_refused(asked: Asked, widths: list[int]) -> None:
    with pytest.raises(UsageError, match="two or more of 2 to 32"):
        asked(widths=widths)


def test_a_flow_without_bits_by_tensor_says_who_has_them(asked: Asked) -> None:
    with pytest.raises(UsageError, match="hls, hls4ml, rtl"):
        asked("finn")


def test_nothing_is_chosen_by_test_images(tmp_path: Path) -> None:
    """Of the user's own images every second one chooses, and the others give the number in the end."""
    images = np.random.default_rng(1).integers(0, 256, (41, *np.load(RANGES).shape[1:]), np.uint8)
    np.savez(tmp_path / "own.npz", images=images, labels=np.arange(41) % 3)
    steps = Executor(Store(tmp_path / "store"), 1, lambda event, step, text: None)
    source = Source(str(MODEL), calibration=RANGES, data=tmp_path / "own.npz")
    chosen = search_images(source, designs.trained_network(source, lambda: steps), 10, steps)
    by, test = (np.load(asset.path)["images"] for asset in (chosen.choosing, chosen.test))
    assert np.array_equal(by, images[:20:2]) and np.array_equal(test, images[1::2])


def test_the_images_that_were_held_out_from_training_choose(tmp_path: Path) -> None:
    for name in (*cifar10.TRAIN, *cifar10.TEST):
        with (tmp_path / name).open("wb") as file:
            file.truncate(cifar10.RECORDS * cifar10.RECORD_BYTES)
    source = Source("arch8", data=tmp_path)
    steps = Executor(Store(tmp_path / "store"), 1, lambda event, step, text: None)
    trained = designs.trained_network(source, lambda: steps)
    with pytest.raises(Exception, match="training held out"):  # of other images than the card says
        search_images(source, trained, 10, steps)
    chosen = search_images(source, replace(trained, card=None), 10, steps)
    assert "may have been trained" in chosen.about and chosen.test.path.name == "test_batch.bin"
    assert len(np.load(chosen.choosing.path)["labels"]) == 10


def test_the_command_says_what_chose_and_what_to_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZYNQFLOWS_STORE", str(tmp_path / "store"))
    images = np.random.default_rng(2).integers(0, 256, (40, *np.load(RANGES).shape[1:]), np.uint8)
    np.savez(tmp_path / "own.npz", images=images, labels=np.arange(40) % 3)
    own, out = tmp_path / "own.npz", tmp_path / "all.json"
    command = [
        "search", "hls4ml", "--network", str(MODEL), "--calibration", str(RANGES), "--data", str(own),
        "--bits", "6,8", "--trials", "3", "--keep-accuracy", "99", "--cost", "lut", "--json", str(out),
        "--out", str(tmp_path),
    ]  # fmt: skip
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "on 20 images of yours, every second one" in said
    assert "on 20 the others of your images, by which nothing was chosen" in said
    assert "to build it: python -m flows run hls4ml" in said and "--precision" in said
    written = json.loads(out.read_text())
    names = [run["name"] for run in written["document"]["runs"]]
    assert 1 < len(names) <= 3 and names == [each["run"] for each in written["tried"]]
    assert written["best"]["run"] in names and written["best"]["test_images"] == "20 the others of your images"
    assert written["best"]["command"] in said.replace("\n", " ")
    page = (tmp_path / "search.html").read_text()
    assert "by which nothing was chosen" in page and '"chosen": ["lut", "accuracy"]' in page
    assert [run.name for run in document_from_json(out.read_text(), "").runs] == names, "as every reader takes it"
    searched = flows.search(
        "hls4ml", network=MODEL, calibration=RANGES, data=own, bits=[6, 8], trials=3, keep_accuracy=99, cost="lut"
    )
    assert str(searched) == said.rstrip("\n") and json.loads(searched.to_json()) == written
    assert searched.best and searched.best.name == written["best"]["run"] and searched.bits == written["best"]["bits"]
    assert searched.best["accuracy"] and searched.best["accuracy"].n == 20 and len(searched) == len(names)
    assert {each.name for each in searched.front()} >= {searched.best.name}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"keep_accuracy": -1}, "no number of points"),
        ({"keep_accuracy": "half"}, "no number of points"),
        ({"bits": [4, 2.5]}, "2.5 is no whole number"),
        ({"bits": 8}, "8 is no list"),
        ({"bits": "4..x"}, "'4..x' is no whole number"),
        ({"bits": "8..4"}, "a range from 8 to 4 in steps of 1 has no end"),
        ({"bits": [8]}, "one width leaves nothing to choose"),
        ({"cost": "power"}, "no resource"),
        ({"trials": 0}, "--trials: 0 is no whole number above 0"),
        ({"images": True}, "--images"),
        ({"precison": 8}, "Did you mean precision"),
        ({"part": ["pynq-z2", "zedboard"]}, "more than one flow or part"),
        ({"data": "absent"}, "absent"),
    ],
)
def test_what_is_wrong_with_a_search_is_named(content: dict[str, Any], reason: str, tmp_path: Path) -> None:
    asked = {"data": "nowhere", "store": tmp_path, **content}
    with pytest.raises(FlowsError, match=reason):
        flows.search("hls4ml", **asked)
