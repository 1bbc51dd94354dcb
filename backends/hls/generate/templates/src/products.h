// PE x SIMD products: PE results of a pixel at a time, SIMD products of each in a cycle.
//
// A DSP48E1 multiplies 25 x 18 bits. Where SHARED results share one, their weights are SHIFT bits apart in its wider
// factor, and the product contains SHARED products side by side. Two such products are added before the results are
// separated. A negative field borrows from the field above it. For weights, the stored words have this borrow
// subtracted already. To sums, SIGNS is added, so that only the topmost can be negative; the bit that it set is
// inverted afterwards.
#pragma once

#include "counter.h"

// The lowest BITS of `bits` as a signed number.
template <int BITS>
int with_sign(unsigned bits) {
#pragma HLS INLINE
    return int(bits << (32 - BITS)) >> (32 - BITS);
}

// The weights that multiply the value of one lane: BITS bits of a word, in up to SPAN of its bytes.
template <int BITS, int UNITS, int WORDS, int BYTES>
unsigned weights_of(const signed char (&weights)[UNITS][WORDS][BYTES], int unit, int word, int lane) {
#pragma HLS INLINE
    const int SPAN = (BITS + 14) / 8, first = lane * BITS / 8, last = (lane * BITS + BITS - 1) / 8;
    unsigned bits = 0;
    for (int place = 0; place < SPAN; place++)
        if (first + place <= last) bits |= unsigned((unsigned char)weights[unit][word][first + place]) << 8 * place;
    return bits >> lane * BITS % 8;
}

// The factor with the weights SHIFT bits apart: only wires, no logic.
template <typename Layer>
typename Layer::Factor factor_of(unsigned bits) {
#pragma HLS INLINE
    typename Layer::Factor factor = 0;
    for (int result = 0; result < Layer::SHARED; result++) {
        const int weight = with_sign<Layer::WEIGHT_BITS>(bits >> result * Layer::WEIGHT_BITS);
        const int below = result + 1 < Layer::SHARED ? weight & ((1 << Layer::SHIFT) - 1) : weight;
        factor |= typename Layer::Factor(below << result * Layer::SHIFT);
    }
    return factor;
}

// The sum of one result, from two products that were added to SIGNS.
template <typename Layer>
typename Layer::Pair sum_of(typename Layer::Pairs pairs, int result) {
#pragma HLS INLINE
    const typename Layer::Pairs moved = pairs >> result * Layer::SHIFT;
    if (result + 1 == Layer::SHARED) return typename Layer::Pair(moved);
    return with_sign<Layer::SHIFT>(unsigned(moved) ^ 1u << (Layer::SHIFT - 1));
}

// Adds SIMD products to each of PE sums, with the weights of `word`. The first word of a group of results initialises
// its sums with their biases.
template <typename Layer>
void add_products(const typename Layer::Value (&values)[Layer::SIMD],
                  const signed char (&weights)[Layer::UNITS][Layer::GROUPS * Layer::STEPS][Layer::BYTES],
                  const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS], int word, int group,
                  bool is_first, typename Layer::Sum (&sums)[Layer::PE]) {
#pragma HLS INLINE
    const int SHARED = Layer::SHARED, SIMD = Layer::SIMD, PE = Layer::PE;
    for (int unit = 0; unit < Layer::UNITS; unit++) {
        // The products are added to each other first, so the next turn waits for a single addition.
        typename Layer::Sum added[SHARED];
#pragma HLS ARRAY_PARTITION variable=added complete
        for (int result = 0; result < SHARED; result++) added[result] = 0;
        for (int lane = 0; lane < SIMD; lane += 2) {
            typename Layer::Pairs pairs = Layer::SIGNS;
            for (int term = 0; term < 2; term++) {
                const int place = lane + term;
                if (place >= SIMD) continue;
                const unsigned bits = weights_of<SHARED * Layer::WEIGHT_BITS>(weights, unit, word, place);
                const typename Layer::Product factor = factor_of<Layer>(bits);
// Without a BIND_OP, the compiler builds short products in LUTs and long ones in DSP48E1.
                if (Layer::IN_LUTS) {
                    const typename Layer::Product product = factor * values[place];
#pragma HLS BIND_OP variable=product op=mul impl=fabric
                    pairs += product;
                } else {
                    const typename Layer::Product product = factor * values[place];
#pragma HLS BIND_OP variable=product op=mul impl=dsp
                    pairs += product;
                }
            }
            for (int result = 0; result < SHARED; result++) added[result] += sum_of<Layer>(pairs, result);
        }
        for (int result = 0; result < SHARED; result++) {
            const int pe = unit * SHARED + result;
            if (pe < PE) sums[pe] = (is_first ? typename Layer::Sum(biases[pe][group]) : sums[pe]) + added[result];
        }
    }
}
