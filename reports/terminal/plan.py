"""Plans: what would run."""

from __future__ import annotations

from collections.abc import Mapping

from flows.core.plan import Asset, Output, Plan, Step
from flows.core.text import printable


def plan(title: str, plan: Plan, digests: Mapping[str, str]) -> str:
    """What would run, step by step."""
    return "\n".join([title, *(_planned(step, digests[step.name]) for step in plan.steps)])


def _planned(step: Step, digest: str) -> str:
    inputs = []
    for name, item in step.files.items():
        match item:
            case str():
                inputs.append(f"{name} ({len(item):,} characters)")
            case Asset():
                inputs.append(f"{name} (asset {item.digest})")
            case Output():
                inputs.append(f"{name} (from {item.step})")
    lines = [
        ("", step.about),
        ("runs", " ".join(step.argv)),
        ("given", ", ".join(inputs)),
        ("makes", ", ".join(step.makes)),
    ]
    texts = [f"  {step.name}  {digest}", *(f"    {label:<6}{text}" for label, text in lines)]
    return "\n".join(map(printable, texts))
