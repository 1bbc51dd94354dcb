"""Worker: FASM to the frames of a bitstream, by Project X-Ray's database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.amd.bitstream import prjxray
from backends.open_tools import fasm
from flows.core.errors import InputError, SetupError
from flows.core.worker import run_worker


def main(ask: Mapping[str, Any]) -> None:
    database = prjxray.find()
    family = database / prjxray.FAMILY
    part = family / ask["part"]
    if not (part / "part.yaml").exists():
        raise SetupError(f"prjxray database {database}", f"no part {ask['part']} in it", prjxray.GET)
    lines = Path(ask["fasm"]).read_text().splitlines()
    required = part / "required_features.fasm"
    if required.exists():
        lines += required.read_text().splitlines()
    try:
        frames = fasm.frames(lines, family, prjxray.DIES.get(ask["die"], ask["die"]))
    except (KeyError, ValueError, OSError) as reason:
        raise InputError(f"prjxray database {database}", f"damaged ({reason})", prjxray.GET) from None
    if frames.unknown:
        some = ", ".join(frames.unknown[:3])
        fact = f"{len(frames.unknown):,} features of the design are not in it ({some})"
        raise InputError(f"prjxray database {database}", fact, "use nextpnr and the database of one release")
    Path(ask["frames"]).write_text(frames.text())
    Path(ask["part_file"]).write_text((part / "part.yaml").read_text())
    print(f"{frames.features:,} features, {len(frames.words):,} frames")


if __name__ == "__main__":
    run_worker(main)
