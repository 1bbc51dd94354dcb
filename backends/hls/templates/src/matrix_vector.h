// Products of a pixel: PE results at a time, SIMD products of each in a cycle.
#pragma once

#include "hls_stream.h"
#include "vector.h"

// PE accumulators, and the results of a pixel that are finished.
template <typename Layer>
struct Accumulators {
    typename Layer::Sum sum[Layer::PE];
    typename Layer::Results results;

    // Adds SIMD products to each accumulator; `first` and `last` are the turns that begin and end a group of PE results.
    void add(const Vector<typename Layer::Value, Layer::SIMD> &values,
             const signed char (&weights)[Layer::PE][Layer::GROUPS * Layer::STEPS][Layer::SIMD],
             const int (&biases)[Layer::PE][Layer::GROUPS], int group, int step) {
#pragma HLS INLINE
        for (int pe = 0; pe < Layer::PE; pe++) {
            typename Layer::Sum total = step == 0 ? typename Layer::Sum(biases[pe][group]) : sum[pe];
            for (int lane = 0; lane < Layer::SIMD; lane++) {
                const typename Layer::Weight weight = weights[pe][group * Layer::STEPS + step][lane];
                const typename Layer::Product product = values.value[lane] * weight;
#pragma HLS BIND_OP variable=product op=mul impl=dsp
                total += product;
            }
            sum[pe] = total;
        }
    }
};
