"""The files of a training, whichever framework runs it: each is replaced in one step, and progress is a value.

So neither a kill nor a full disk loses what was there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError

from flows.core.errors import SetupError


@dataclass
class Progress:
    """What is left of a run besides its tensors: epochs done, the curve so far, the best epoch."""

    epochs: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, float] = field(default_factory=dict)

    @property
    def accuracies(self) -> list[float]:
        """On the held-out images, of every epoch so far."""
        return [row["held_out_accuracy"] for row in self.history]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place to write what is to be `path`, which it becomes once it is whole; until then `path` stays as it was.

    Raises `SetupError` where it cannot be written, as on a full disk.
    """
    scratch = path.with_name(f"{path.name}.new")
    try:
        yield scratch
        scratch.replace(path)
    except (OSError, SafetensorError) as reason:
        scratch.unlink(missing_ok=True)
        fact = f"cannot be written ({getattr(reason, 'strerror', None) or reason}); what was there before is kept"
        advice = "make room on its disk: the same command then goes on from the last whole epoch"
        raise SetupError(str(path), fact, advice) from None
