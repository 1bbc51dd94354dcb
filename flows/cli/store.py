"""`flows store prune`: lists or deletes what no recorded run refers to."""

from __future__ import annotations

from argparse import Namespace

from flows.cli.commands import open_store


def store(arguments: Namespace) -> int:
    from flows.core.text import printable
    from flows.prune import leftovers, prune
    from reports.terminal import table

    place = open_store(arguments)
    old = leftovers(place, arguments.older_than)
    removed = old if arguments.dry_run else list(prune(place, old))
    if removed:
        rows = [["what", "where", "not used for", "size"]]
        for one in removed:
            where = printable(str(one.path.relative_to(place.root)))
            rows.append([printable(one.about), where, f"{one.days:.0f} days", _size(one.size)])
        print(table(rows, frozenset({0, 1})))
    done = "would be removed" if arguments.dry_run else "removed"
    print(f"{len(removed)} {done} from {place.root}: {_size(sum(one.size for one in removed))}")
    if busy := len(old) - len(removed):
        print(f"{busy} left: a run uses {'it' if busy == 1 else 'them'} now")
    return 0


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
