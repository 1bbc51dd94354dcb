"""Worker: the bitstream that was made, read back by the same counter that reads those of others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.amd.bitstream import count, packets, prjxray
from backends.open_tools import fasm
from flows.core.errors import MismatchError
from flows.core.worker import run_worker


def main(ask: Mapping[str, Any]) -> None:
    bitstream = packets.parse(Path(ask["bitstream"]).read_bytes(), ask["bitstream"])
    decoded = count.count(bitstream, prjxray.load(prjxray.find(), bitstream, ask["bitstream"]))
    with Path(ask["fasm"]).open() as lines:
        placed = fasm.placed(lines)
    read = {"lut": decoded.lut, "passing": decoded.route_through, "ramb18": decoded.ramb18, "dsp": decoded.dsp}
    if read != vars(placed):
        fact = f"read back it has {read}, and nextpnr placed {vars(placed)}"
        raise MismatchError(f"bitstream {ask['bitstream']}", fact, "do not use it, and report this")
    Path(ask["decoded"]).write_text(json.dumps(read))


if __name__ == "__main__":
    run_worker(main)
