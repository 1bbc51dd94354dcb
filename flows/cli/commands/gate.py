"""`flows gate`: checks runs against a policy."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, output, session, stored_runs
from flows.cli.parser import Parser
from flows.core.errors import GateError, InputError

ABOUT = "check runs against a policy of budgets, tolerances and waivers, for CI"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.add_runs(parser)
    parser.add_argument(
        "--policy", metavar="FILE", type=Path, required=True, help="budgets, tolerances and waivers, as TOML"
    )
    parser.add_argument("--junit", metavar="FILE", type=Path, help="also write JUnit XML, for a CI system")
    arguments.add_filter(parser)
    arguments.add_store(parser)


def execute(args: Namespace) -> int:
    from flows.core.record import Document
    from flows.policies import policy_in
    from reports import gate
    from reports.comparison import merged

    path: Path = args.policy
    policy = policy_in(path)
    if not policy.rules:
        raise InputError(f"policy {path}", "it has no rule", "see docs/reports.md for an example")
    store = session.open_store(args)
    documents = stored_runs.of_network(stored_runs.read_documents(store, args.runs), args.network)
    baseline = stored_runs.read_file(path.parent / policy.baseline) if policy.baseline else None
    runs = tuple(run for document in documents for run in document.runs)
    document = merged(documents) if baseline else Document(documents[0].network, runs)
    findings = gate.check(policy, document, baseline)
    print(gate.terminal(findings))
    if args.junit:
        output.check_writable(args.junit.parent)
        output.write(args.junit, gate.junit(findings))
    broken = [finding for finding in findings if finding.outcome is gate.Outcome.BROKEN]
    if broken:
        rules = ", ".join(dict.fromkeys(check.rule.name for check in broken))
        advice = "change the design, or waive the rule with a reason, an owner and an end date"
        raise GateError(f"policy {path}", f"{len(broken)} of {len(findings)} checks broken ({rules})", advice)
    return 0
