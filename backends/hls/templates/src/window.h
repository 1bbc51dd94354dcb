// Windows of a convolution: rows are kept until a window is whole; then it goes out, SIMD values a cycle.
#pragma once

#include "hls_stream.h"
#include "scan.h"
#include "vector.h"

// One turn of the loop is one cycle. A pixel that completes a window takes STEPS turns, any other pixel, of the image or
// of its padding, one; TURNS is their sum over a frame. Nothing is cleared between frames: padding or pixels of the next
// frame have replaced all old values before a window is whole.
template <typename Layer>
void window(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Part> &parts,
            typename Layer::Pixel (&rows)[Layer::ABOVE][Layer::WIDTH]) {
// Part of the function of its layer, where its memories are.
#pragma HLS INLINE
    const int CHANNELS = Layer::CHANNELS, SIMD = Layer::SIMD;
    const int KERNEL_HEIGHT = Layer::KERNEL_HEIGHT, KERNEL_WIDTH = Layer::KERNEL_WIDTH;

    // The window is in registers, as the parts in which it goes out: a lane chooses one of STEPS values.
    typename Layer::Value kept[Layer::STEPS][SIMD];
#pragma HLS ARRAY_PARTITION variable=kept dim=0 complete

    Scan<Layer> scan;
    Counter<Layer::STEPS> step = 0;
    for (int turn = 0; turn < Layer::TURNS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        // A new pixel: the window moves a column to the right.
        if (step == 0) {
            const int column = scan.column - Layer::PAD_LEFT;
            for (int y = 0; y < KERNEL_HEIGHT; y++) {
                typename Layer::Pixel entering;
                const bool is_newest = y + 1 == KERNEL_HEIGHT;
                if (is_newest ? scan.has_pixel() : scan.has_column()) {
                    entering = is_newest ? pixels.read() : rows[y][column];
                } else {
                    for (int channel = 0; channel < CHANNELS; channel++) entering.value[channel] = 0;
                }
                if (y > 0 && scan.has_column()) rows[y - 1][column] = entering;
                for (int x = 0; x < KERNEL_WIDTH; x++)
                    for (int channel = 0; channel < CHANNELS; channel++) {
                        const int place = (y * KERNEL_WIDTH + x) * CHANNELS + channel, right = place + CHANNELS;
                        kept[place / SIMD][place % SIMD] =
                            x + 1 < KERNEL_WIDTH ? kept[right / SIMD][right % SIMD] : entering.value[channel];
                    }
            }
        }

        const bool has_window = scan.has_window();
        if (has_window) {
            typename Layer::Part part;
            for (int lane = 0; lane < SIMD; lane++) part.value[lane] = kept[step][lane];
            parts.write(part);
        }
        if (!has_window || advance<Layer::STEPS>(step)) scan.next();
    }
}
