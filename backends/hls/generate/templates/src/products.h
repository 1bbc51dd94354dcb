// PE x SIMD multipliers: PE results of a pixel at a time, SIMD products of each in a cycle.
#pragma once

#include "counter.h"
#include "vector.h"

// Adds SIMD products to each of PE sums, by the weights of `word`. The first word of a group of results starts its sums
// at their biases.
template <typename Layer>
void add_products(const typename Layer::Value (&values)[Layer::SIMD],
                  const typename Layer::StoredWeight (&weights)[Layer::PE][Layer::GROUPS * Layer::STEPS][Layer::SIMD],
                  const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS], int word, int group,
                  bool is_first, typename Layer::Sum (&sums)[Layer::PE]) {
#pragma HLS INLINE
    for (int pe = 0; pe < Layer::PE; pe++) {
        // The products are added to each other first: the next turn waits for one addition alone.
        typename Layer::Sum added = 0;
        for (int lane = 0; lane < Layer::SIMD; lane++) {
            const typename Layer::Weight weight = weights[pe][word][lane];
            const typename Layer::Product product = values[lane] * weight;
// Every product in a DSP48E1: left to itself, the compiler may build short ones of LUTs.
#pragma HLS BIND_OP variable=product op=mul impl=dsp
            added += product;
        }
        sums[pe] = (is_first ? typename Layer::Sum(biases[pe][group]) : sums[pe]) + added;
    }
}
