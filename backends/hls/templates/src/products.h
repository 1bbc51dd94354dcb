// PE x SIMD multipliers: PE results of a pixel at a time, SIMD products of each in a cycle.
#pragma once

#include "vector.h"

// Adds SIMD products to each of PE sums. The first step of a group of results starts at their biases.
template <typename Layer>
void add_products(const typename Layer::Value (&values)[Layer::SIMD],
                  const typename Layer::StoredWeight (&weights)[Layer::PE][Layer::GROUPS * Layer::STEPS][Layer::SIMD],
                  const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS], int group, int step,
                  typename Layer::Sum (&sums)[Layer::PE]) {
#pragma HLS INLINE
    for (int pe = 0; pe < Layer::PE; pe++) {
        // The products are added to each other first: the next turn waits for one addition alone.
        typename Layer::Sum added = 0;
        for (int lane = 0; lane < Layer::SIMD; lane++) {
            const typename Layer::Weight weight = weights[pe][group * Layer::STEPS + step][lane];
            const typename Layer::Product product = values[lane] * weight;
// Every product in a DSP48E1: left to itself, the compiler may build short ones of LUTs.
#pragma HLS BIND_OP variable=product op=mul impl=dsp
            added += product;
        }
        sums[pe] = (step == 0 ? typename Layer::Sum(biases[pe][group]) : sums[pe]) + added;
    }
}

// Lets the next PE results in at the end, where all others move up by PE: after GROUPS times they stand in order, and no
// multiplexer was needed to place them.
template <typename Layer>
void append(const typename Layer::Sum (&sums)[Layer::PE], typename Layer::Result (&results)[Layer::RESULTS]) {
#pragma HLS INLINE
    for (int place = 0; place + Layer::PE < Layer::RESULTS; place++) results[place] = results[place + Layer::PE];
    for (int pe = 0; pe < Layer::PE; pe++) results[Layer::RESULTS - Layer::PE + pe] = Layer::result(sums[pe]);
}
