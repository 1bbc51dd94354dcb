"""Plans carried out without their tools: every step leaves what it promises, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from flows.core.plan import PYTHON, Plan, Products, Step
from flows.executor import Executor
from flows.store import Store


class Rehearsal(Executor):
    """An executor whose steps do nothing but leave what they promise.

    Steps of this interpreter do, and those named in `acting`; all others look for their tool. `texts` is what stands in
    promised files, by step; otherwise they are empty.
    """

    def __init__(
        self, store: Store, acting: Collection[str] = (), texts: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(store, 2, lambda event, step, text: None)
        self.acting, self.texts = acting, texts

    def execute(self, plan: Plan) -> Products:
        return super().execute(replace(plan, steps=tuple(self._act(step) for step in plan.steps)))

    def _act(self, step: Step) -> Step:
        if step.tool != PYTHON and step.name not in self.acting:
            return step
        wanted = json.dumps({name: self.texts.get(step.name, "") for name in step.makes})
        code = (
            "import json, sys, pathlib\n"
            "for name, text in json.loads(sys.argv[1]).items():\n"
            "    place = pathlib.Path(name); place.parent.mkdir(parents=True, exist_ok=True); place.write_text(text)\n"
            f"# {step.name}: steps that leave the same are still not the same"
        )
        return replace(step, tool=PYTHON, argv=(PYTHON, "-c", code, wanted), packages=(), sources=())


def ancestry(plan: Plan, step: str) -> tuple[Step, ...]:
    """A step and all that it needs, directly or not."""
    wanted = {step}
    for earlier in reversed(plan.steps):
        if earlier.name in wanted:
            wanted.update(earlier.needs)
    return tuple(step for step in plan.steps if step.name in wanted)
