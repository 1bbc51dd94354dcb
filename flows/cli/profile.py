"""`flows profile`: what every tensor of a design reaches against what its type holds."""

from __future__ import annotations

from argparse import Namespace

from flows.cli.commands import _jobs, check_writable, trained_network
from flows.cli.studies import write_json
from flows.core.errors import UsageError

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
    found = profile(backend.NAME, runner.design(backend, job).quantised, job.ranges, job.weights)
    print(told(found))
    content = {"schema": PROFILE, "profile": found}
    write_json(arguments.json, content)
    if arguments.out:
        data = arguments.out / "profile.json"
        write_json(data, content)
        draw("profile", data, data.with_suffix(".svg"))
    return 0
