// A depthwise convolution: each channel of a window has its own kernel; PE channels at a time.
#pragma once

#include "hls_stream.h"
#include "products.h"

// A turn for each part of a window: PE channels of one of its STEPS pixels. A pixel has GROUPS parts. With the last
// pixel, the results of each group are put. Windows of a row share columns: in all but the first window, FRESH parts
// are new, those of the last columns; the others were kept.
template <typename Layer>
void depthwise(hls::stream<typename Layer::Input> &inputs, hls::stream<typename Layer::Output> &outputs,
               const signed char (&weights)[Layer::PE][Layer::PARTS][Layer::BYTES],
               const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS],
               typename Layer::Part (&kept)[Layer::PARTS]) {
#pragma HLS INLINE
    const int PARTS = Layer::PARTS, FRESH = Layer::FRESH, PE = Layer::PE, PUTS = Layer::PUTS;
    typename Layer::Input waiting;  // the parts of an input word that are not used yet
    // The sums rotate by PE a turn, so that those of the turn are always in front: a shift register.
    typename Layer::Sum sums[Layer::GROUPS * PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[PUTS];  // results of the next word
#pragma HLS ARRAY_PARTITION variable=results complete

    Counter<Layer::STEPS> step;
    Counter<Layer::GROUPS> group;
    Counter<PARTS> part_number;
    // Where the part is kept. New columns replace the oldest ones, so a window may begin at any place.
    ap_uint<bits_of(PARTS - 1)> place = 0;
    Counter<Layer::COLUMNS> column;
    Counter<Layer::PARTS_TAKEN> taken;
    Counter<PUTS / PE> filled;
    for (int turn = 0; turn < Layer::PIXELS * PARTS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        typename Layer::Part part;
        if (column == 0 || part_number >= PARTS - FRESH) {
            if (taken == 0) waiting = inputs.read();
            taken.advance();
            shift_out(waiting, part);
            kept[place] = part;
        } else {
            part = kept[place];
        }
        typename Layer::Value values[PE];
#pragma HLS ARRAY_PARTITION variable=values complete
        unpack(part, values);
        typename Layer::Sum added[PE];
#pragma HLS ARRAY_PARTITION variable=added complete
        for (int pe = 0; pe < PE; pe++) {
            const int BITS = Layer::WEIGHT_BITS;
            const typename Layer::Weight weight = with_sign<BITS>(weights_of<BITS>(weights, pe, part_number, 0));
            const typename Layer::Product product = values[pe] * weight;
// Every product is in a DSP48E1: without a BIND_OP, the compiler may build short ones in LUTs.
#pragma HLS BIND_OP variable=product op=mul impl=dsp
            added[pe] = (step == 0 ? typename Layer::Sum(biases[pe][group]) : sums[pe]) + product;
        }
        shift_in(added, sums);

        if (step.is_last) {
            typename Layer::Result next[PE];
#pragma HLS ARRAY_PARTITION variable=next complete
            for (int pe = 0; pe < PE; pe++) next[pe] = Layer::result(added[pe]);
            shift_in(next, results);
            if (filled.advance()) {
                typename Layer::Output output;
                pack(results, output);
                outputs.write(output);
            }
        }
        if (group.advance()) step.advance();
        int on = 1;  // distance to the next part
        if (part_number.advance()) {
            on = 1 + FRESH % PARTS;
            column.advance();
        }
        go_round<PARTS>(place, on);
    }
}
