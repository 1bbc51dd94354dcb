// A stand-in for AMD's header of the same name: the narrowest native integer. It compiles and runs several times faster,
// and is the same arithmetic as long as nothing overflows; that the design never does is proven from its weights.
#pragma once

#include <cstdint>
#include <type_traits>

template <int BITS>
using ap_int = typename std::conditional<
    BITS <= 8, std::int8_t,
    typename std::conditional<BITS <= 16, std::int16_t,
                              typename std::conditional<BITS <= 32, std::int32_t, std::int64_t>::type>::type>::type;

template <int BITS>
using ap_uint = typename std::make_unsigned<ap_int<BITS>>::type;
