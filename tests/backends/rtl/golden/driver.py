"""Classifies images on a Zynq board under PYNQ: ``python driver.py DESIGN.bit IMAGES.npy``.

The block design is that of ``vivado/zynq.tcl``: an AXI DMA called ``dma`` between memory and the core's streams, 32 bits
wide. The core has no registers: it takes images as they come. It has not been tried: no board was at hand.
"""

import sys

import numpy as np
from pynq import Overlay, allocate

IMAGE = (6, 8, 3)
RESULTS = 5


def classify(bitstream: str, images: np.ndarray) -> np.ndarray:
    """The integer results (n, 5) for uint8 `images` (n, 6, 8, 3), channels last: R, G, B."""
    if images.dtype != np.uint8 or images.shape[1:] != IMAGE:
        raise SystemExit(f"images are {images.dtype} {images.shape}, not uint8 (n, {', '.join(map(str, IMAGE))})")
    overlay = Overlay(bitstream)
    sent = allocate((len(images), 144), np.uint8)  # each image begins with a beat of its own
    received = allocate((len(images), RESULTS), np.int32)
    sent[:, : int(np.prod(IMAGE))] = images.reshape(len(images), -1)
    overlay.dma.sendchannel.transfer(sent)
    for frame in range(len(images)):  # TLAST ends a transfer with each frame
        overlay.dma.recvchannel.transfer(received, start=frame * RESULTS * 4, nbytes=RESULTS * 4)
        overlay.dma.recvchannel.wait()
    overlay.dma.sendchannel.wait()
    return np.array(received)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    scores = classify(sys.argv[1], np.load(sys.argv[2]))
    print(*scores.argmax(axis=1), sep="\n")
