"""What was published of the eight networks, for comparison. None of it was measured here.

Source: "Model Design, Training, and Quantization", the document that this project starts from. docs/studies.md says
where its figures hold and where they do not.
"""

from __future__ import annotations

PUBLISHED_ACCURACY = {
    "arch1": 90.91,
    "arch2": 88.84,
    "arch3": 85.53,
    "arch4": 83.05,
    "arch5": 67.94,
    "arch6": 78.92,
    "arch7": 81.08,
    "arch8": 80.45,
}
"""Per cent of the 10,000 test images, by which the epoch and the learning rate had been chosen as well."""

PUBLISHED_FORMATS = {
    "arch4": {"float32": 85, "Q1.31": 84, "Q1.15": 84, "Q1.7": 83, "Q1.3": 65},
    "arch8": {"float32": 80, "Q1.31": 84, "Q1.15": 84, "Q1.7": 83, "Q1.3": 78},
}
"""Per cent of 100 training images; weights and biases rounded, activations in single precision."""
