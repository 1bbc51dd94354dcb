"""The Python packages that steps need: which are missing, and which extra of this project installs them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import metadata

from flows.core.errors import SetupError
from flows.core.plan import Step

ABSENT = "absent"
OURS = "zynqflows"
AS_A_WHOLE = ("all", "dev")
"""Extras that belong to no flow: they are never suggested."""


@cache
def package_version(distribution: str) -> str:
    """The version that is installed, or `ABSENT`."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ABSENT


def require(steps: Sequence[Step]) -> None:
    """Raises one `SetupError` that names every package which these steps need and which is not installed."""
    needing: dict[str, list[str]] = {}
    for step in steps:
        for package in step.packages:
            if package_version(package) == ABSENT:
                needing.setdefault(package, []).append(step.name)
    if not needing:
        return
    names = list(dict.fromkeys(name for those in needing.values() for name in those))
    some, them = ("package", "it") if len(needing) == 1 else ("packages", "them")
    who = f"step {names[0]} needs" if len(names) == 1 else f"steps {', '.join(names[:-1])} and {names[-1]} need"
    wanted = {package for step in steps for package in step.packages}
    raise SetupError(f"{some} {', '.join(needing)}", f"not installed, and {who} {them}", advice(needing, wanted))


def advice(missing: Collection[str], wanted: Collection[str]) -> str:
    """How to install what is missing, where `wanted` is all that is needed.

    >>> advice(["brevitas", "qonnx"], ["brevitas", "onnx", "qonnx", "torch"])
    "install the extra: pip install -c constraints.txt -e '.[finn]'"
    >>> advice(["else"], ["else", "torch"])
    'install what is missing: pip install else'
    """
    extra = extra_for(wanted) or extra_for(missing)
    if extra is None:
        return f"install what is missing: pip install {' '.join(missing)}"
    return f"install the extra: pip install -c constraints.txt -e '.[{extra}]'"


def extra_for(packages: Collection[str]) -> str | None:
    """The extra with the fewest packages that, with what always is installed, has all of these; None where none has."""
    always, extras = _extras().get("", frozenset()), {name: held for name, held in _extras().items() if name}
    wanted = {_normal(package) for package in packages} - always
    holding = [name for name, held in extras.items() if wanted <= held]
    return min(holding, key=lambda name: (len(extras[name]), name), default=None)


@cache
def _extras() -> Mapping[str, frozenset[str]]:
    """The packages of every extra, under "" those that every installation has."""
    extras: dict[str, set[str]] = {"": set()}
    try:
        requirements = metadata.requires(OURS) or []
    except metadata.PackageNotFoundError:  # run from a clone that was not installed
        return {}
    for requirement in requirements:
        name = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        if name and (extra is None or extra[1] not in AS_A_WHOLE):
            extras.setdefault(extra[1] if extra else "", set()).add(_normal(name[0]))
    return {extra: frozenset(names) for extra, names in extras.items()}


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
