"""Cycles of an instruction on the Cortex-A9: ``python -m calibration.c.cycles KERAS2C TINYMAIX``.

Two projects published how long networks in C take on the processor of a Zynq-7000, with their sources. KERAS2C and
TINYMAIX are checkouts of them (`SOURCES`). Each program is compiled with the flags that its author gives, by another
gcc, and qemu counts its instructions; the published time times the clock, over that count, is what one takes. It writes
``calibration/rows/c_cycles.json``, which ``calibration.c.fit`` reads, and needs gcc, arm-linux-gnueabihf-gcc and
qemu-arm on PATH.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backends.c.tools import ARM_GCC, QEMU
from calibration.c.count import compile_plugin, run_counted, version

ROWS = Path("calibration/rows/c_cycles.json")
SOURCES = {
    "keras2c": "github.com/Mummanajagadeesh/bharat-ai-soc-student-challenge at 76b086e, keras2c/README.md",
    "TinyMaix": "github.com/sipeed/TinyMaix at 0532ece, doc/porting/port_ZYNQ-7010.md",
}
KERAS2C_MHZ, TINYMAIX_MHZ = 650, 667
"""The first is not published: a Zybo's is assumed."""
LEVELS = "O0", "O1", "O2", "O3", "Ofast"
KERAS2C_MS = {
    "c_model": (5526, 1480, 398, 378, 378),
    "c_model_optm": (5684, 1506, 447, 422, 422),
    "c_model_optm_2": (936, 379, 363, 362, 361),
}
"""ms of a process that classifies one image, by sources and `LEVELS`: floats."""
TINYMAIX_MS = {
    ("INT8", "cifar10"): (12.937, 11.696, 8.111, 7.803),
    ("INT8", "vww"): (48.836, 50.169, 43.712, 44.230),
    ("INT8", "mbnet"): (87.131, 77.300, 77.977, 65.748),
    ("FP32", "cifar10"): (29.750, 19.097, 20.637, 12.369),
}
"""ms of one inference, by numbers and network, of `TINYMAIX_BUILDS`. Left out are the smallest network, of 0.3 ms,
where the start counts, and networks that are not in the repository."""
TINYMAIX_BUILDS = (("CPU", 0), ("CPU", 1), ("ARM_NEON", 0), ("ARM_NEON", 1))
STACK = ("-s", "16777216")
"""keras2c puts its tensors there."""


def keras2c(checkout: Path, folder: Path) -> Iterator[dict[str, Any]]:
    image = checkout / "keras2c" / "sample_images" / "cat" / "cat_7.png"
    for sources, times in KERAS2C_MS.items():
        place = checkout / "keras2c" / sources
        for level, ms in zip(LEVELS, times, strict=True):
            files = [place / "predict.c", place / "my_model.c", *sorted(place.glob("include/*.c"))]
            paths: list[str | Path] = ["-I", place / "include", "-I", place.parent / "c_model"]
            compile: list[str | Path] = [ARM_GCC, "-w", f"-{level}", "-static", *paths, *files, "-lm", "-o", "program"]
            subprocess.run(compile, cwd=folder, check=True)
            yield row("keras2c", f"{sources} -{level}", ms, KERAS2C_MHZ, run_counted(folder, str(image), stack=STACK))


def tinymaix(checkout: Path, folder: Path) -> Iterator[dict[str, Any]]:
    for (numbers, network), times in TINYMAIX_MS.items():
        for (arithmetic, level), ms in zip(TINYMAIX_BUILDS, times, strict=True):
            place = folder / "tinymaix"
            shutil.copytree(checkout, place)
            replace(place / "include" / "tm_port.h", "TM_ARCH +TM_ARCH_CPU", f"TM_ARCH TM_ARCH_{arithmetic}")
            replace(place / "include" / "tm_port.h", "TM_OPT_LEVEL +TM_OPT0", f"TM_OPT_LEVEL TM_OPT{level}")
            replace(place / "include" / "tm_port.h", "TM_MDL_TYPE +TM_MDL_INT8", f"TM_MDL_TYPE TM_MDL_{numbers}")
            example = place / "examples" / network
            replace(example / "main.c", "^", "#include <stdlib.h>\n")
            replace(example / "main.c", r"res = tm_run\(", "for (int n = 0; n < atoi(argv[1]); n++) res = tm_run(")
            files: list[Path] = [*sorted(example.glob("*.c")), *sorted(place.glob("src/*.c"))]
            neon = ["-mfpu=neon"] if arithmetic == "ARM_NEON" else []
            compile: list[str | Path] = [ARM_GCC, "-w", "-O3", *neon, "-static", "-I", place / "include", *files]
            compile += ["-lm", "-o", "program"]
            subprocess.run(compile, cwd=folder, check=True)
            instructions = run_counted(folder, "2") - run_counted(folder, "1")
            yield row("TinyMaix", f"{network} {numbers} {arithmetic} O{level}", ms, TINYMAIX_MHZ, instructions)
            shutil.rmtree(place)


def replace(path: Path, pattern: str, text: str) -> None:
    path.write_text(re.sub(pattern, lambda _: text, path.read_text(), count=1))


def row(project: str, program: str, ms: float, mhz: int, instructions: int) -> dict[str, Any]:
    cycles = round(ms * 1e3 * mhz / instructions, 3)
    print(f"{project} {program}: {instructions:,} instructions, {cycles:.2f} cycles each", flush=True)
    return {
        "project": project,
        "program": program,
        "ms": ms,
        "mhz": mhz,
        "instructions": instructions,
        "cycles": cycles,
    }


def main() -> None:
    theirs, tiny = (Path(place).resolve() for place in sys.argv[1:])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        compile_plugin(folder)
        rows = [*keras2c(theirs, folder), *tinymaix(tiny, folder)]
    tools = {tool: version(tool) for tool in (ARM_GCC, QEMU)}
    lines = ",\n  ".join(json.dumps(each) for each in rows)
    head = f'"tools": {json.dumps(tools)},\n "sources": {json.dumps(SOURCES)}'
    ROWS.write_text(f'{{\n {head},\n "rows": [\n  {lines}\n ]\n}}\n')


if __name__ == "__main__":
    main()
