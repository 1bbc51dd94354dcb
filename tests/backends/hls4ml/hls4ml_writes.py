"""The projects that hls4ml writes for jobs: ``python hls4ml_writes.py FOLDER ...``; a script that a test starts.

Each folder holds what the step "convert" is given, ``job.json`` and ``weights.safetensors``. One process for all of
them: importing hls4ml takes longer than converting a small network.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from backends.hls4ml.workers import convert

if __name__ == "__main__":
    for folder in sys.argv[1:]:
        os.chdir(folder)
        convert.main(json.loads(Path("job.json").read_text()))
