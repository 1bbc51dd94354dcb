// A matrix-vector product for every window, pixel or vector: convolutions and dense layers.
#pragma once

#include "hls_stream.h"
#include "products.h"

// STEPS turns for each of GROUPS groups of results, SIMD values a turn. The values are read with the first group, and
// kept for the others. Windows of a row share columns: in all but the first window, FRESH parts are new, those of the
// last columns. Where PE does not divide the results, surplus results of the last group are computed from zero weights
// and dropped.
template <typename Layer>
void matrix_vector(hls::stream<typename Layer::Input> &inputs, hls::stream<typename Layer::Output> &outputs,
                   const signed char (&weights)[Layer::UNITS][Layer::GROUPS * Layer::STEPS][Layer::BYTES],
                   const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS],
                   typename Layer::Part (&kept)[Layer::STEPS]) {
#pragma HLS INLINE
    const int STEPS = Layer::STEPS, FRESH = Layer::FRESH, PE = Layer::PE, PUTS = Layer::PUTS;
    const int FILLED = (PUTS + PE - 1) / PE * PE;  // results of the groups in a word
    // The parts of an input word that are not used yet; the last one is padded with zeros.
    ap_uint<Layer::VALUE_BITS * Layer::SIMD * Layer::PARTS_TAKEN> waiting;
    typename Layer::Sum sums[PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[FILLED];  // results of the next word
#pragma HLS ARRAY_PARTITION variable=results complete

    Counter<STEPS> step;
    // Where the part of the step is kept. New columns replace the oldest ones, so a window may begin at any place. If
    // columns were moved instead, a turn would have to wait for the writes of the turn before.
    ap_uint<bits_of(STEPS - 1)> place = 0;
    Counter<Layer::GROUPS> group;
    Counter<Layer::GROUPS * STEPS> word;
    Counter<Layer::COLUMNS> column;
    Counter<Layer::PARTS_TAKEN> taken;
    Counter<FILLED / PE> filled;
    for (int turn = 0; turn < Layer::PIXELS * Layer::GROUPS * STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        typename Layer::Part part;
        if (group == 0 && (column == 0 || step >= STEPS - FRESH)) {
            if (taken == 0) waiting = inputs.read();
            taken.advance();
            shift_out(waiting, part);
            kept[place] = part;
        } else {
            part = kept[place];
        }
        typename Layer::Value values[Layer::SIMD];
#pragma HLS ARRAY_PARTITION variable=values complete
        unpack(part, values);
        add_products<Layer>(values, weights, biases, word, group, step == 0, sums);

        int on = 1;  // distance to the part of the next step
        word.advance();
        if (step.advance()) {
            typename Layer::Result next[PE];
#pragma HLS ARRAY_PARTITION variable=next complete
            for (int pe = 0; pe < PE; pe++) next[pe] = Layer::result(sums[pe]);
            shift_in(next, results);
            if (filled.advance()) {
                typename Layer::Result put[PUTS];
#pragma HLS ARRAY_PARTITION variable=put complete
                for (int lane = 0; lane < PUTS; lane++) put[lane] = results[lane];
                typename Layer::Output output;
                pack(put, output);
                outputs.write(output);
            }
            if (group.advance()) {
                on = 1 + FRESH % STEPS;
                column.advance();
            }
        }
        go_round<STEPS>(place, on);
    }
}
