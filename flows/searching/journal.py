"""The journal of a search: what Optuna proposed, and what came of each proposal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from flows.core.errors import RefusedError, SetupError
from flows.core.files import write_atomic
from flows.results import Counts

EXTRA = "install the extra: pip install -c constraints.txt -e '.[search]'"
COUNTED, REFUSED = "counts", "refused"
"""Attributes of a step in the journal."""


def load_optuna() -> Any:
    try:
        optuna = import_module("optuna")
    except ImportError:
        raise SetupError("package optuna", "not installed, and a search needs it", EXTRA) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


class _Lock:
    """Optuna's lock of the file, which does nothing: a search holds the store's own lock, and no other process writes.
    The system frees that lock where a search is killed, and a lock of Optuna's would stay."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


class Journal:
    """The study in one journal file. Each step has a sampler of its own, whose seed is the number of steps before it: a
    search that was interrupted continues as if it had not been."""

    def __init__(self, optuna: Any, file: Path, tensors: Sequence[str], widths: Sequence[int], keep: float) -> None:
        self.optuna, self.tensors, self.widths, self.keep = optuna, tensors, widths, keep
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():  # a line that a kill has cut short would spoil the next one
            text = file.read_bytes()
            write_atomic(file, text[: text.rfind(b"\n") + 1].decode())
        backend = optuna.storages.journal.JournalFileBackend(str(file), lock_obj=_Lock())
        storage = optuna.storages.JournalStorage(backend)
        self.study = optuna.create_study(storage=storage, study_name="precision", load_if_exists=True)
        self.first = self._first()
        for trial in self.study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
            self.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # of a search that was interrupted

    @property
    def results(self) -> list[tuple[dict[str, int], float, Counts]]:
        """(bits by tensor, cost, counts of right images) of each step that led to a design."""
        ended = self.study.get_trials(states=(self.optuna.trial.TrialState.COMPLETE,))
        return [(self._bits(trial.params), trial.value, Counts(**trial.user_attrs[COUNTED])) for trial in ended]

    @property
    def refused(self) -> int:
        return sum(REFUSED in trial.user_attrs for trial in self.study.trials)

    @property
    def count(self) -> int:
        """Steps so far, refused ones too."""
        return len(self.results) + self.refused

    def step(self, measure: Callable[[Mapping[str, int]], tuple[float, Counts]]) -> None:
        """Tries what Optuna proposes; bits that were tried before are not measured again."""
        count, few, samplers = self.count, len(self.first), self.optuna.samplers
        self.study.sampler = samplers.TPESampler(seed=count, n_startup_trials=few, multivariate=True)
        if count < few and not self.study.get_trials(states=(self.optuna.trial.TrialState.WAITING,)):
            self.study.enqueue_trial(self.first[count])
        trial = self.study.ask()
        bits = self._bits({name: trial.suggest_int(name, 0, len(self.widths) - 1) for name in self.tensors})
        before = next(((value, counts) for earlier, value, counts in self.results if earlier == bits), None)
        try:
            value, counts = before or measure(bits)
        except RefusedError as error:
            trial.set_user_attr(REFUSED, str(error))
            self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
            return
        trial.set_user_attr(COUNTED, asdict(counts))
        trial.set_constraint("accuracy", counts.lost - self.keep)
        self.study.tell(trial, value)

    def _first(self) -> list[dict[str, int]]:
        """The first trials, by place in `widths`: all tensors at each width, then each tensor alone at the middle one,
        which shows what it loses and saves."""
        widest = len(self.widths) - 1
        alike = [dict.fromkeys(self.tensors, place) for place in range(widest, -1, -1)]
        return [*alike, *(alike[0] | {name: widest // 2} for name in self.tensors)]

    def _bits(self, places: Mapping[str, int]) -> dict[str, int]:
        return {name: self.widths[places[name]] for name in self.tensors}
