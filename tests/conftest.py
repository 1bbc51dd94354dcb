"""What every test gets: a store of its own, and property tests that do not depend on how busy the machine is."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session", autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZYNQFLOWS_STORE", str(tmp_path_factory.mktemp("store")))
        yield
