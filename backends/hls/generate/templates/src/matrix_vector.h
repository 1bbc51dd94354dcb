// A matrix-vector product for every window, pixel or vector: convolutions and dense layers.
#pragma once

#include "hls_stream.h"
#include "products.h"

// STEPS turns for each of GROUPS groups of results, SIMD values a turn. The values come with the first group, and are kept
// for the others. Windows of a row share columns: of all but the first, FRESH parts are new, those of the last columns.
// Where PE does not divide the results, what fills the last group is computed, too, from weights that are zero, and goes
// no further.
template <typename Layer>
void matrix_vector(hls::stream<typename Layer::Input> &inputs, hls::stream<typename Layer::Output> &outputs,
                   const signed char (&weights)[Layer::UNITS][Layer::GROUPS * Layer::STEPS][Layer::BYTES],
                   const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS],
                   typename Layer::Part (&kept)[Layer::STEPS]) {
#pragma HLS INLINE
    const int LANES = Layer::Input::SIZE, STEPS = Layer::STEPS, FRESH = Layer::FRESH;
    const int SIMD = Layer::SIMD, PE = Layer::PE, PUT = Layer::Output::SIZE;
    const int FILLED = (PUT + PE - 1) / PE * PE;  // results of the groups that a word is made of
    typename Layer::Value waiting[LANES];  // of a word that came, the parts still to come
#pragma HLS ARRAY_PARTITION variable=waiting complete
    typename Layer::Sum sums[PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[FILLED];  // of the next word
#pragma HLS ARRAY_PARTITION variable=results complete

    Counter<STEPS> step = 0;
    // Where the part of the step is kept. New columns take the places of the oldest ones, so that windows begin at any
    // place: were columns moved instead, a turn would have to wait for what the one before wrote.
    Counter<STEPS> place = 0;
    Counter<Layer::GROUPS> group = 0;
    Counter<Layer::GROUPS * STEPS> word = 0;
    Counter<Layer::COLUMNS> column = 0;
    Counter<LANES / SIMD> taken = 0;
    Counter<FILLED / PE> filled = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::GROUPS * STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        typename Layer::Part part;
        if (group == 0 && (column == 0 || step >= STEPS - FRESH)) {
            if (taken == 0) {
                const typename Layer::Input input = inputs.read();
                for (int lane = 0; lane < LANES; lane++) waiting[lane] = input.value[lane];
            }
            advance<LANES / SIMD>(taken);
            shift_out(waiting, part.value);
            kept[place] = part;
        } else {
            part = kept[place];
        }
        add_products<Layer>(part.value, weights, biases, word, group, step == 0, sums);

        advance<STEPS>(place);
        advance<Layer::GROUPS * STEPS>(word);
        if (advance<STEPS>(step)) {
            typename Layer::Result next[PE];
#pragma HLS ARRAY_PARTITION variable=next complete
            for (int pe = 0; pe < PE; pe++) next[pe] = Layer::result(sums[pe]);
            shift_in(next, results);
            if (advance<FILLED / PE>(filled)) {
                typename Layer::Output output;
                for (int lane = 0; lane < PUT; lane++) output.value[lane] = results[lane];
                outputs.write(output);
            }
            if (advance<Layer::GROUPS>(group)) {
                place = int(place) < STEPS - FRESH ? int(place) + FRESH : int(place) + FRESH - STEPS;
                advance<Layer::COLUMNS>(column);
            }
        }
    }
}
