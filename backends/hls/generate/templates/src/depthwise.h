// A depthwise convolution: each channel of a window by a kernel of its own, PE channels at a time.
#pragma once

#include "counter.h"
#include "hls_stream.h"
#include "products.h"
#include "vector.h"

// A turn for each part of a window, PE channels of one of its STEPS pixels: GROUPS parts are a pixel. With the last pixel,
// each group's results go out. Windows of a row share columns: of all but the first, FRESH parts are new, those of the
// last columns; the others were kept.
template <typename Layer>
void depthwise(hls::stream<typename Layer::Input> &inputs, hls::stream<typename Layer::Output> &outputs,
               const signed char (&weights)[Layer::PE][Layer::PARTS][Layer::BYTES],
               const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS],
               typename Layer::Part (&kept)[Layer::PARTS]) {
#pragma HLS INLINE
    const int LANES = Layer::Input::SIZE, PARTS = Layer::PARTS, FRESH = Layer::FRESH;
    const int PE = Layer::PE, PUT = Layer::Output::SIZE;
    typename Layer::Value waiting[LANES];  // of a word that came, the parts still to come
#pragma HLS ARRAY_PARTITION variable=waiting complete
    // They go round by PE a turn, so that the sums of the turn stand in front: a shift register.
    typename Layer::Sum sums[Layer::GROUPS * PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[PUT];  // of the next word
#pragma HLS ARRAY_PARTITION variable=results complete

    Counter<Layer::STEPS> step = 0;
    Counter<Layer::GROUPS> group = 0;
    Counter<PARTS> part_number = 0;
    // Where the part is kept. New columns take the places of the oldest ones, so that windows begin at any place.
    Counter<PARTS> place = 0;
    Counter<Layer::COLUMNS> column = 0;
    Counter<LANES / PE> taken = 0;
    Counter<PUT / PE> filled = 0;
    for (int turn = 0; turn < Layer::PIXELS * PARTS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        typename Layer::Part part;
        if (column == 0 || part_number >= PARTS - FRESH) {
            if (taken == 0) {
                const typename Layer::Input input = inputs.read();
                for (int lane = 0; lane < LANES; lane++) waiting[lane] = input.value[lane];
            }
            advance<LANES / PE>(taken);
            shift_out(waiting, part.value);
            kept[place] = part;
        } else {
            part = kept[place];
        }
        typename Layer::Sum added[PE];
#pragma HLS ARRAY_PARTITION variable=added complete
        for (int pe = 0; pe < PE; pe++) {
            const int BITS = Layer::WEIGHT_BITS;
            const typename Layer::Weight weight = with_sign<BITS>(weights_of<BITS>(weights, pe, part_number, 0));
            const typename Layer::Product product = part.value[pe] * weight;
// Every product in a DSP48E1: left to itself, the compiler may build short ones of LUTs.
#pragma HLS BIND_OP variable=product op=mul impl=dsp
            added[pe] = (step == 0 ? typename Layer::Sum(biases[pe][group]) : sums[pe]) + product;
        }
        shift_in(added, sums);

        if (step == Layer::STEPS - 1) {
            typename Layer::Result next[PE];
#pragma HLS ARRAY_PARTITION variable=next complete
            for (int pe = 0; pe < PE; pe++) next[pe] = Layer::result(added[pe]);
            shift_in(next, results);
            if (advance<PUT / PE>(filled)) {
                typename Layer::Output output;
                for (int lane = 0; lane < PUT; lane++) output.value[lane] = results[lane];
                outputs.write(output);
            }
        }
        advance<PARTS>(place);
        if (advance<Layer::GROUPS>(group)) advance<Layer::STEPS>(step);
        if (advance<PARTS>(part_number)) {
            place = int(place) < PARTS - FRESH ? int(place) + FRESH : int(place) + FRESH - PARTS;
            advance<Layer::COLUMNS>(column);
        }
    }
}
