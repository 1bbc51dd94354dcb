// From the integers of one fixed-point type to those of another.
#pragma once

// Drops BITS bits behind the point; halves round up.
template <int BITS, typename Sum>
Sum half_up(Sum sum) {
#pragma HLS INLINE
    const Sum half = Sum(1) << (BITS - 1);
    return Sum(sum + half) >> BITS;
}

// Saturates to LOW .. HIGH.
template <typename Result, int LOW, int HIGH, typename Sum>
Result saturated(Sum sum) {
#pragma HLS INLINE
    if (sum < LOW) return LOW;
    if (sum > HIGH) return HIGH;
    return Result(sum);
}
