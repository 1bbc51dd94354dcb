"""Whole designs that others built, predicted from their configuration: ``python benchmarks/designs.py FILE ...``.

`benchmarks.whole_designs.table` says what a FILE is and what is printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # beside this folder stand the packages
    from benchmarks.whole_designs.table import main

    main()
