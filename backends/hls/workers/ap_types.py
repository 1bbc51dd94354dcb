"""Copies AMD's ap_int headers: ``python -m backends.hls.workers.ap_types``, in the step's directory.

hls4ml's package carries them under the Apache License 2.0. What lies beside them under other terms, a stream header
among it, stays where it is: this project has a stand-in of its own. Writes ``ap_types``.
"""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path

from flows.core.errors import FlowsError, SetupError

HEADERS = (
    "ap_common.h",
    "ap_decl.h",
    *(f"ap_{kind}{part}.h" for kind in ("int", "fixed") for part in ("", "_base", "_ref", "_special")),
    "etc/ap_private.h",
)
LICENCE = "Licensed under the Apache License"


def main() -> None:
    found = util.find_spec("hls4ml")
    places = found.submodule_search_locations if found and found.submodule_search_locations else []
    folders = [Path(place, "templates/vivado/ap_types") for place in places]
    for name in HEADERS:
        text = "".join((folder / name).read_text() for folder in folders if (folder / name).is_file())
        if LICENCE not in text:
            raise SetupError(f"hls4ml's {name}", "is not there under the Apache License", "install hls4ml==1.3.0")
        target = Path("ap_types", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


if __name__ == "__main__":
    try:
        main()
    except FlowsError as error:
        print(error)
        sys.exit(error.exit_code)
