"""What every test gets: a store of its own, and property tests that do not depend on how busy the machine is; and
stand-ins for tools."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.warm_python import WarmPython

# The networks of the tests are small: torch's threads, one a core, would spend nearly all of their time waiting.
os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("local", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Doctests are collected from every module: what tests share has none, and some of it loads hls4ml."""
    shared = collection_path.suffix == ".py" and not collection_path.name.startswith(("test_", "conftest"))
    return True if shared and collection_path.is_relative_to(Path(__file__).parent) else None


@pytest.fixture(scope="session", autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZYNQFLOWS_STORE", str(tmp_path_factory.mktemp("store")))
        yield


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPython]:
    warm = WarmPython(tmp_path_factory.mktemp("warm"))
    yield warm
    warm.stop()


@pytest.fixture(scope="session", autouse=True)
def warm_workers(warm_python: WarmPython) -> Iterator[None]:
    """Workers of ours have torch loaded when they start (`tests.warm_python`)."""
    from flows import executor
    from flows.core.plan import PYTHON
    from flows.identity import find_tool

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "find_tool", lambda tool: warm_python.path if tool == PYTHON else find_tool(tool))
        yield


@pytest.fixture(autouse=True)
def own_torch() -> None:
    """One thread, and gradients: the worker that the last test called may have taken two, and none."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        torch.set_grad_enabled(True)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Puts an executable of this name and text on PATH, where besides it only the system's own are."""
    from flows import identity

    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def forget() -> None:
        for known in (identity.find_tool, identity.tool_identity):
            known.cache_clear()

    def put(name: str, text: str) -> None:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        forget()

    forget()
    yield put
    forget()
