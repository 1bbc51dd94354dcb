"""Words that several conditions share."""

RUN = "what `flows run finn` hands over"
DONE = f"(done in {RUN})"
"""Behind a change that a run makes itself in its copy of the graph (`backends.finn.workers.own_graph`)."""


def number(value: float | None) -> str:
    """
    >>> number(4.0), number(None)
    ('4', 'unknown')
    """
    return "unknown" if value is None else f"{value:g}"


def size(shape: tuple[int | str | None, ...] | None) -> str:
    """
    >>> size((1, 3, None, "N")), size(()), size(None)
    ('1x3x?xN', 'scalar', 'not known')
    """
    if shape is None:
        return "not known"
    return "x".join("?" if axis is None else str(axis) for axis in shape) or "scalar"
