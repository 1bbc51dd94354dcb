"""Which way of putting a trained network on a Zynq is best, does it fit, and how do we know?

``python -m flows`` is the command line. In Python, `estimate`, `run`, `sweep`, `search`, `review`, `check` and
`report` do the same (`flows.api`); they are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.api import check, estimate, report, review, run, search, sweep
    from flows.core.errors import FlowsError

__all__ = ["FlowsError", "check", "estimate", "report", "review", "run", "search", "sweep"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from flows import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
