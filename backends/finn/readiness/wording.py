"""Words that several conditions share."""


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
