"""What a training says while it runs: a line an epoch, and one every half minute of a long epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

TICK_S = 30.0


def epoch_line(row: Mapping[str, float], epochs: int, seconds: float) -> str:
    """An epoch that took `seconds`, of at most `epochs`.

    >>> row = {"epoch": 2, "loss": 1.87461, "accuracy": 0.285, "held_out_loss": 2.29517, "held_out_accuracy": 0.136}
    >>> epoch_line(row, 40, 38.3)
    'epoch 2 of 40: loss 1.875, accuracy 28.50 %; held out: loss 2.295, accuracy 13.60 %; 38 s, at most 24 min left'
    >>> epoch_line({"epoch": 2, "loss": 1.87461, "held_out_accuracy": 0.136}, 2, 3.0)
    'epoch 2 of 2: loss 1.875; held out: accuracy 13.60 %; 3 s, the last'
    """
    epoch = int(row["epoch"])
    left = f"at most {duration(seconds * (epochs - epoch))} left" if epoch < epochs else "the last"
    trained, held_out = _figures(row, ""), _figures(row, "held_out_")
    return f"epoch {epoch} of {epochs}: {trained}; held out: {held_out}; {duration(seconds)}, {left}"


def _figures(row: Mapping[str, float], split: str) -> str:
    figures = {"loss": "{:.3f}", "accuracy": "{:.2%}"}
    shown = (f"{name} {form.format(row[split + name])}" for name, form in figures.items() if split + name in row)
    return ", ".join(shown).replace("%", " %")


def result_line(right: int, n: int, card: Path) -> str:
    """
    >>> result_line(8384, 10_000, Path("out/arch8.card.json"))
    'test images: 83.84 % of 10,000 right; weights and ranges stand beside out/arch8.card.json'
    """
    return f"test images: {100 * right / n:.2f} % of {n:,} right; weights and ranges stand beside {card}"


def duration(seconds: float) -> str:
    """
    >>> duration(89.6), duration(2_460), duration(27_000)
    ('90 s', '41 min', '7.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3600:.1f} h"


def counted(epoch: int, batches: int) -> Iterator[int]:
    """The numbers of the batches of `epoch`, counted from 0, while it says how far it is."""
    started = last = time.monotonic()
    for number in range(batches):
        yield number
        now = time.monotonic()
        if now - last >= TICK_S and number + 1 < batches:
            last = now
            left = (now - started) * (batches - number - 1) / (number + 1)
            print(f"  epoch {epoch + 1}: {(number + 1) / batches:.0%} done, {duration(left)} left in it", flush=True)
