"""What a file of somebody else's may take and do: a worker that reads one holds itself to these limits."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from flows.core.errors import FlowsError, InputError
from models.imported.workers.draft import WantedFiles

MEMORY = 3 << 30
"""Bytes of memory: what reading a model of `MODEL_LIMIT` takes, several times copied, and no more."""
LONGEST = 300
"""Characters of a fact: names and numbers in a file may be of any length."""


@contextmanager
def guarded(file: str, advice: str) -> Iterator[None]:
    """Holds this process to `MEMORY` meanwhile; whatever `file` makes go wrong inside becomes an `InputError`.

    Where a library ends the process instead, its step fails, which those who run it tell as a damaged file.
    """
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = min([MEMORY, *(bound for bound in (before, most) if bound != resource.RLIM_INFINITY)])
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))
    try:
        yield
    except (FlowsError, WantedFiles):
        raise
    except RecursionError:
        raise InputError(file, "nested too deep to be read", advice) from None
    except Exception as reason:
        large = isinstance(reason, MemoryError) or "not enough memory" in str(reason)  # the second is torch's
        fact = f"needs more than {limit / (1 << 30):.2g} GB of memory to read" if large else f"damaged ({reason!r})"
        raise InputError(file, fact, advice) from None
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


def refusal(error: InputError) -> str:
    """An error as the JSON that a worker leaves."""
    texts = {"culprit": error.culprit, "fact": error.fact, "next_step": error.next_step}
    return json.dumps({key: f"{text[:LONGEST]}..." if len(text) > LONGEST else text for key, text in texts.items()})
