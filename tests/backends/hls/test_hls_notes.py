"""What a user is told of a design before anything runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backends.dataflow.budget import usable
from backends.dataflow.layers.notes import WORDING
from backends.dataflow.notes import folding_notes
from backends.dataflow.space import Solved
from backends.hls import BACKEND
from backends.hls.design.design import HlsDesign
from backends.hls.notes import notes
from backends.protocol import NoteKind
from flows.core.evidence import Metric
from flows.core.margins import KEPT
from models.folding import folded
from models.zoo import NETWORKS
from tests.backends.hls.eight_bit import solved
from tests.backends.hls.networks import SMALL, job_on, reweighted

ARCH3 = folded(NETWORKS["arch3"])


def said(resolved: Solved[HlsDesign]) -> str:
    """What is said of a folding that the solver chose."""
    design, answer = resolved.design, resolved.answer
    assert answer
    most = usable(design.job.target, False, KEPT)
    notes = folding_notes(answer, WORDING, design.job.options.target_fps, design.job.target, most)
    return "\n".join(note.text for note in notes)


def test_the_notes_say_what_stops_a_faster_folding() -> None:
    text = said(solved("xc7z020"))
    assert "it is the fastest whose estimates leave 20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP free" in text
    assert "more DSP48E1 would let it be faster" in text


def test_products_in_luts_share_no_dsp() -> None:
    design = solved("xc7z020").design
    in_luts = [name for name, fold in design.folds.items() if fold.in_luts]
    (said,) = [note.text for note in notes(solved("xc7z020")) if "share a DSP48E1" in note.text]
    assert in_luts and "block1_conv2" in said and not [name for name in in_luts if f"{name}," in said]


def test_what_is_lacking_is_reported() -> None:
    """A part that cannot hold the design is a result."""
    resolved = solved("xc7z010", ARCH3)
    assert resolved.answer and Metric.BRAM18 in resolved.answer.lacking
    text = said(resolved)
    assert "no folding could be found that would leave 20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP free" in text
    assert "RAMB18 (118 would fit)" in text


def test_a_design_that_lacks_block_ram_is_as_fast_as_its_dsp_allow() -> None:
    """No folding of this network leaves enough RAMB18, and the slowest takes no fewer than this one."""
    design = solved("xc7z010", ARCH3, packing="off").design
    assert design.interval == 395_756
    assert sum(fold.multipliers for fold in design.folds.values()) == 74


def test_weights_that_saturate_are_a_warning(tmp_path: Path) -> None:
    job = reweighted(job_on(SMALL, tmp_path, weight_scale="none"), lambda name, weights: 3 * weights)
    kernels = [tensor for name, tensor in job.weights.tensors().items() if name.endswith("kernel")]
    beyond = sum(int((np.abs(kernel) > 127.5 / 128).sum()) for kernel in kernels)
    (warning,) = [note for note in BACKEND.notes(BACKEND.resolve(job)) if note.kind is NoteKind.WARNING]
    assert warning.text.startswith(f"{beyond:,} weights lie outside Q1.7 and saturate")
    assert "--weight-scale layer" in warning.text


def test_weights_that_are_scaled_do_not_saturate(tmp_path: Path) -> None:
    job = reweighted(job_on(SMALL, tmp_path), lambda name, weights: 3 * weights)
    assert {note.kind for note in BACKEND.notes(BACKEND.resolve(job))} == {NoteKind.NOTE}


def test_how_near_the_accumulators_come_to_their_ends_is_reported(tmp_path: Path) -> None:
    first, *_ = BACKEND.notes(BACKEND.resolve(job_on(SMALL, tmp_path)))
    assert first.text.startswith("no accumulator can overflow: by its weights, ")
    assert first.text.endswith(" of 32 bits")


def test_a_folding_that_was_asked_for_is_not_explained(tmp_path: Path) -> None:
    folding = "conv1=2x3,shortcut=1x1,conv2=3x4,dense=1x2"
    texts = [note.text for note in BACKEND.notes(BACKEND.resolve(job_on(SMALL, tmp_path, folding=folding)))]
    assert "folding, PE x SIMD: conv1 2x3, shortcut 1x1, conv2 3x4, dense 1x2" in texts
    assert not any("fastest" in text or "faster" in text for text in texts)
