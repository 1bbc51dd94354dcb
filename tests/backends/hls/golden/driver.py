"""Classifies images on a Zynq board under PYNQ: ``python driver.py DESIGN.bit IMAGES.npy``.

The block design is that of ``vivado/zynq.tcl``: the core, called ``small_0``, between the streams of an AXI DMA called
``dma``, 32 bits wide. All images go and all results come in one transfer each: a call for every image would take longer
than the core does. It has not been tried: no board was at hand.
"""

import sys

import numpy as np
from pynq import Overlay, allocate

IMAGE = (6, 8, 3)
RESULTS = 5
START, AUTO_RESTART = 0x01, 0x80  # of the control register at address 0 (UG1399, "S_AXILITE Control Register Map")


def classify(bitstream: str, images: np.ndarray) -> np.ndarray:
    """The integer results (n, 5) for uint8 `images` (n, 6, 8, 3), channels last: R, G, B."""
    if images.dtype != np.uint8 or images.shape[1:] != IMAGE:
        raise SystemExit(f"images are {images.dtype} {images.shape}, not uint8 (n, {', '.join(map(str, IMAGE))})")
    overlay = Overlay(bitstream)
    sent = allocate((len(images), 144), np.uint8)  # each image begins with a beat of its own
    received = allocate((len(images), RESULTS), np.int32)
    sent[:, : int(np.prod(IMAGE))] = images.reshape(len(images), -1)
    overlay.small_0.register_map.transfer = len(images)  # frames up to TLAST, which ends the transfer of the results
    overlay.small_0.write(0, START | AUTO_RESTART)
    overlay.dma.recvchannel.transfer(received)
    overlay.dma.sendchannel.transfer(sent)
    overlay.dma.sendchannel.wait()
    overlay.dma.recvchannel.wait()
    return np.array(received)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    scores = classify(sys.argv[1], np.load(sys.argv[2]))
    print(*scores.argmax(axis=1), sep="\n")
