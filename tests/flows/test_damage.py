"""Stored results are used only as they were left: every file of a small plan is damaged in every way, and the run's
result is the undamaged one's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from flows.cli.commands.run import _copy
from flows.core.digest import digest_bytes
from flows.core.errors import InputError
from flows.core.plan import PYTHON, Asset, Output, Plan, State, Step, StepResult
from flows.core.record import Document, NetworkFacts, Run, StepFacts, WeightsFacts
from flows.executor import Executor
from flows.manifest import MANIFEST, Changed, Facts, read_manifest
from flows.store import Store

WEIGHTS = b"weights" * 9
FIRST = """
import json, pathlib
weights = pathlib.Path("weights.bin").read_bytes()
print("says something")
pathlib.Path("made/inner").mkdir(parents=True)
pathlib.Path("made/inner/codes.json").write_text(json.dumps([len(weights), int(open("factor.txt").read())]))
pathlib.Path("made/copy.bin").write_bytes(weights)
pathlib.Path("side.txt").write_text("not promised")
"""
SECOND = """
import json, pathlib
print("says more")
length, factor = json.load(open("up/inner/codes.json"))
pathlib.Path("out.txt").write_text(f"{length * factor} {len(pathlib.Path('up/copy.bin').read_bytes())}")
"""
FILES = (
    "first/step.json", "first/step.log", "first/factor.txt", "first/made/inner/codes.json", "first/made/copy.bin",
    "first/side.txt", "first/weights.bin", "second/step.json", "second/step.log", "second/up/inner/codes.json",
    "second/up/copy.bin", "second/out.txt",
)  # fmt: skip


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x04
    path.write_bytes(content)


def flip_in_silence(path: Path) -> None:
    status = path.stat()
    flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def become(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flip": flip,
    "silent": flip_in_silence,
    "truncate": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "empty": lambda path: path.write_bytes(b""),
    "append": lambda path: path.write_bytes(path.read_bytes() + b"\n1"),
    "delete": Path.unlink,
    "folder": become(Path.mkdir),
    "pipe": become(os.mkfifo),
    "link": become(lambda path: path.symlink_to("/etc/passwd")),
    "device": become(lambda path: path.symlink_to("/dev/zero")),
}


class Place:
    """A store in which the plan was run once, and what it left."""

    def __init__(self, folder: Path) -> None:
        self.store, self.told = Store(folder / "store"), list[str]()
        self.weights = folder / "weights.bin"
        self.weights.write_bytes(WEIGHTS)
        asset = Asset(self.weights, digest_bytes(WEIGHTS))
        first = Step(
            "first", "", PYTHON, (PYTHON, "-c", FIRST), {"weights.bin": asset, "factor.txt": "6"}, makes=("made",)
        )
        second = Step("second", "", PYTHON, (PYTHON, "-c", SECOND), {"up": Output("first", "made")}, makes=("out.txt",))
        self.plan = Plan((first, second))
        self.folders = {name: result.folder for name, result in self.run().items() if result.folder}

    def run(self, verify: bool = False) -> Mapping[str, StepResult]:
        self.told.clear()
        return Executor(self.store, 2, self, verify).execute(self.plan).results

    def __call__(self, event: str, step: Step, text: str) -> None:
        if event == "made again":
            self.told.append(f"{step.name}: {text}")

    def path(self, name: str) -> Path:
        step, _, rest = name.partition("/")
        return self.folders[step] / rest

    def content(self) -> dict[str, bytes]:
        """What can be handed on: times and seconds apart, which no damage keeps."""
        return {name: self.path(name).read_bytes() for name in FILES if not name.endswith(MANIFEST)}

    def document(self) -> Document:
        steps = tuple(StepFacts(name, "kept", 0.0, {}, "", str(folder)) for name, folder in self.folders.items())
        facts, weights = NetworkFacts("n", 1, 1, "0" * 16), WeightsFacts("0" * 16, None)
        part = ("xc7z020clg400-1", "xc7z020", 10.0)
        return Document(facts, (Run("a-run", "a", *part, {}, weights, "0" * 16, (), None, steps, (), (), ""),))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def place(whole: Place) -> Place:
    """A whole store again after each test: what a test damaged is made again by it, or else here."""
    shutil.rmtree(whole.store.steps / "extra", ignore_errors=True)
    whole.weights.write_bytes(WEIGHTS)
    whole.run(verify=True)
    return whole


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_whatever_is_damaged_the_result_is_the_same(place: Place, name: str, damage: str) -> None:
    before = place.content()
    linked = name == "first/weights.bin"
    if linked and damage not in ("delete", "folder", "pipe", "link", "device"):
        pytest.skip("this is the user's own file, and not of the store")
    DAMAGES[damage](place.path(name))
    unseen = damage == "silent" and name not in ("first/made/inner/codes.json", "first/made/copy.bin", "second/out.txt")
    results = place.run(verify=unseen)
    assert place.content() == before
    if damage == "silent" and name.endswith(MANIFEST):
        assert place.told, "the seal of a manifest is always looked at"
    if not linked:
        texts, file = [text for text in place.told if name.partition("/")[2] in text], name.partition("/")[0]
        assert texts and results[file].state is State.DONE and "\n" not in texts[0]
    place.run(verify=True)
    assert not place.told, "and it is whole again"


def test_what_is_whole_is_kept(place: Place) -> None:
    for verify in (False, True):
        assert {result.state for result in place.run(verify).values()} == {State.KEPT} and not place.told


def test_a_file_that_was_only_touched_is_kept(place: Place) -> None:
    for name in FILES:
        os.utime(place.path(name))
    assert {result.state for result in place.run().values()} == {State.KEPT}


def test_a_file_added_to_what_a_step_promised_is_noticed(place: Place) -> None:
    (place.path("first/made") / "refusal.json").write_text("{}")
    place.run()
    assert place.told == ["first: since in the store made/refusal.json was added"]
    assert not (place.path("first/made") / "refusal.json").exists()


def test_a_folder_under_another_name_is_no_result(place: Place) -> None:
    first, second = place.folders["first"], place.folders["second"]
    shutil.rmtree(second)
    shutil.copytree(first, second, symlinks=True)
    before = (first / "made/inner/codes.json").read_bytes()
    place.run()
    assert place.told == ["second: since in the store step.json is not as it was written"]
    assert (second / "out.txt").exists() and (first / "made/inner/codes.json").read_bytes() == before


@pytest.mark.parametrize("kind", ["file", "link", "empty"])
def test_a_result_that_is_no_folder_is_built_again(place: Place, kind: str) -> None:
    before, folder = place.content(), place.folders["second"]
    shutil.rmtree(folder)
    makers: dict[str, Callable[[], None]] = {
        "file": folder.touch, "empty": folder.mkdir, "link": lambda: folder.symlink_to("/etc")
    }  # fmt: skip
    makers[kind]()
    place.run()
    assert place.content() == before and not folder.is_symlink()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 50_000, '{"files": ' + "9" * 9999 + "}", '{"result": 1}', "\x00", '{"a":1,"a":2}']
)
def test_a_manifest_that_is_none_is_built_again(place: Place, text: str) -> None:
    place.path("second/step.json").write_text(text)
    assert place.run()["second"].state is State.DONE
    assert place.told[0].startswith("second: since in the store step.json is ")


def test_a_manifest_may_not_name_files_elsewhere(place: Place) -> None:
    from dataclasses import replace

    from flows.manifest import read_manifest

    folder = place.folders["second"]
    manifest = read_manifest(folder)
    forged = replace(manifest, files={**manifest.files, "../first/side.txt": Facts(1, 1, "0" * 16)})
    (folder / MANIFEST).write_text(forged.text)
    with pytest.raises(Changed, match="outside the folder"):
        read_manifest(folder)


def test_a_step_that_took_other_files_is_built_again(place: Place) -> None:
    """As after damage that a run did not see: what was made from it is not kept either."""
    second = place.folders["second"]
    forged = replace(read_manifest(second), given={"up": "0" * 16})
    (second / MANIFEST).write_text(forged.text)
    place.run()
    assert place.told == ["second: since in the store up comes from a step that was made again, and differs"]


def test_what_is_handed_out_is_what_the_steps_left(place: Place, tmp_path: Path) -> None:
    (place.folders["first"] / "extra.txt").write_text("planted")
    (place.folders["first"] / "made").joinpath(".hidden").write_text("planted")
    out = tmp_path / "out"
    _copy(place.document(), out)
    handed = {str(path.relative_to(out / "a-run" / "steps")): path for path in out.rglob("*") if path.is_file()}
    assert handed.keys() == set(FILES)
    assert all(path.read_bytes() == place.path(name).read_bytes() for name, path in handed.items())
    assert not any(path.is_symlink() for path in out.rglob("*"))


@pytest.mark.parametrize("name", [name for name in FILES if name != "first/weights.bin"])
def test_nothing_that_changed_is_handed_out(place: Place, tmp_path: Path, name: str) -> None:
    flip_in_silence(place.path(name))
    with pytest.raises(InputError, match=r"since its step ran|step\.json is (not as|damaged)"):
        _copy(place.document(), tmp_path / "out")
    damaged = place.path(name).read_bytes()
    assert all(path.read_bytes() != damaged for path in (tmp_path / "out").rglob("*") if path.is_file())


def test_weights_that_are_no_longer_the_same_are_not_handed_out(place: Place, tmp_path: Path) -> None:
    flip(place.weights)
    with pytest.raises(InputError, match=r"weights\.bin: changed since its step ran"):
        _copy(place.document(), tmp_path / "out")


def test_moved_weights_are_used_where_they_are_now(place: Place, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.bin"
    moved.write_bytes(WEIGHTS)
    place.weights.unlink()
    first, second = place.plan.steps
    asset = Asset(moved, digest_bytes(WEIGHTS))
    plan = Plan((Step(first.name, "", PYTHON, first.argv, {**first.files, "weights.bin": asset}, first.makes), second))
    results = Executor(place.store, 1, place, verify=True).execute(plan).results
    assert {result.state for result in results.values()} == {State.KEPT}
    assert place.path("first/weights.bin").read_bytes() == WEIGHTS
