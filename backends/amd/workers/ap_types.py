"""Copies AMD's ap_int headers: ``python -m backends.amd.workers.ap_types JOB.json``.

hls4ml's package carries them under the Apache License 2.0. What lies beside them under other terms, a stream header
among it, stays where it is: this project has a stand-in of its own. JOB.json: ``folder``,
which it writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import util
from pathlib import Path
from typing import Any

from flows.core.errors import SetupError
from flows.core.worker import run_worker

HEADERS = (
    "ap_common.h",
    "ap_decl.h",
    *(f"ap_{kind}{part}.h" for kind in ("int", "fixed") for part in ("", "_base", "_ref", "_special")),
    "etc/ap_private.h",
)
LICENCE = "Licensed under the Apache License"


def main(ask: Mapping[str, Any]) -> None:
    spec = util.find_spec("hls4ml")
    places = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    folders = [Path(place, "templates/vivado/ap_types") for place in places]
    for name in HEADERS:
        text = "".join((folder / name).read_text() for folder in folders if (folder / name).is_file())
        if LICENCE not in text:
            raise SetupError(f"hls4ml's {name}", "is not there under the Apache License", "install hls4ml==1.3.0")
        target = Path(ask["folder"], name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


if __name__ == "__main__":
    run_worker(main)
