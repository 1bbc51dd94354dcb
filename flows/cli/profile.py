"""`flows profile`: what every tensor of a design reaches against what its type holds."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from flows.cli.commands import _jobs, check_writable, open_store, trained_network
from flows.cli.studies import write_json
from flows.core.errors import UsageError

if TYPE_CHECKING:
    from backends.protocol import Job
    from flows.core.profile import Profile
    from models.quantised import QuantisedNetwork

PROFILE = "zynqflows-profile/1"


def profile(arguments: Namespace) -> int:
    from flows import runner
    from flows.cli.pictures import draw
    from models.profile import profile
    from reports.profile import profile as told

    jobs = list(_jobs(arguments, trained_network(arguments, arguments.network)))
    if len(jobs) > 1:
        raise UsageError("profile", f"{len(jobs)} designs are asked for", "name one flow and one part")
    for place in filter(None, (arguments.out, arguments.json and arguments.json.parent)):
        check_writable(place)
    backend, *_, job = jobs[0]
    quantised = runner.design(backend, job).quantised
    found = profile(backend.NAME, quantised, job.ranges, job.weights)
    if arguments.cost:
        found = _judged(arguments, found, quantised, job)
    print(told(found))
    content = {"schema": PROFILE, "profile": found}
    write_json(arguments.json, content)
    if arguments.out:
        data = arguments.out / "profile.json"
        write_json(data, content)
        draw("profile", data, data.with_suffix(".svg"))
    return 0


def _judged(arguments: Namespace, found: Profile, quantised: QuantisedNetwork, job: Job) -> Profile:
    """`found`, with what each type costs alone on the test images."""
    from flows import runner
    from flows.cli.progress import Progress
    from flows.core.plan import Output, Plan
    from flows.core.profile import Judged
    from flows.executor import Executor
    from flows.results import read_result, tensor_counts
    from models.reference import COST, cost_step

    if not arguments.data:
        raise UsageError("--cost", "the test images are not known", "give --data DIR as well")
    step = cost_step(quantised, runner.weights_asset(job), runner.test_batch(arguments.data))
    executor = Executor(open_store(arguments), 1, Progress(many=False), arguments.verify)
    place = executor.execute(Plan((step,))).path(Output(step.name, COST))
    assert place, "python is never absent"
    counts = read_result(place, tensor_counts([row.tensor for row in found.rows]))
    rows = tuple(replace(row, right=counts.right[row.tensor]) for row in found.rows)
    return replace(found, rows=rows, judged=Judged(counts.n, counts.float_right))
