// A stand-in for AMD's header of the same name, with what the generated code needs. A number of up to 64 bits is a
// native integer: it compiles and runs many times as fast as AMD's. A wider one, which only carries bits, is an array
// of them. Overflow wraps, as in AMD's header; bits that an intermediate native integer cannot hold are lost.
#pragma once

#include <cstdint>
#include <type_traits>

namespace native {

template <int BITS>
using Signed = typename std::conditional<
    BITS <= 8, std::int8_t,
    typename std::conditional<BITS <= 16, std::int16_t,
                              typename std::conditional<BITS <= 32, std::int32_t, std::int64_t>::type>::type>::type;

template <int BITS>
using Unsigned = typename std::make_unsigned<Signed<BITS>>::type;

constexpr std::uint64_t ones(int bits) { return bits < 64 ? (std::uint64_t(1) << bits) - 1 : ~std::uint64_t(0); }

// 64 bits from bit `at` on, a multiple of 64; beyond its end, a native integer is sign-extended.
template <typename T, typename std::enable_if<std::is_arithmetic<T>::value, int>::type = 0>
std::uint64_t limb(T number, int at) {
    return at == 0 ? std::uint64_t(number) : number < T(0) ? ~std::uint64_t(0) : 0;
}

template <typename T, typename std::enable_if<!std::is_arithmetic<T>::value, int>::type = 0>
std::uint64_t limb(const T &number, int at) {
    return number.limb(at);
}

// The bits `low` to `high` of a number, to be read or written.
template <typename Number>
class Range {
  public:
    Range(Number &number, int high, int low) : number(number), low(low), size(high - low + 1) {}

    std::uint64_t limb(int at) const { return at < size ? number.get(low + at, bits_from(at)) : 0; }

    template <typename T>
    Range &operator=(T value) {
        for (int at = 0; at < size; at += 64) number.put(low + at, bits_from(at), native::limb(value, at));
        return *this;
    }

  private:
    Number &number;
    const int low, size;

    int bits_from(int at) const { return size - at < 64 ? size - at : 64; }
};

template <int BITS, typename Native>
class Narrow {
  public:
    Narrow() = default;

    template <typename T>
    Narrow(T other) : number(wrapped(native::limb(other, 0))) {}

    operator Native() const { return number; }

    std::uint64_t limb(int at) const { return native::limb(number, at); }

    std::uint64_t get(int low, int bits) const { return std::uint64_t(number) >> low & ones(bits); }

    void put(int low, int bits, std::uint64_t value) {
        const std::uint64_t mask = ones(bits) << low;
        number = wrapped((std::uint64_t(number) & ~mask) | (value << low & mask));
    }

    Range<Narrow> range(int high, int low) { return {*this, high, low}; }
    Range<const Narrow> range(int high, int low) const { return {*this, high, low}; }

    Narrow &operator++() { return *this = number + 1; }
    Narrow &operator--() { return *this = number - 1; }
    Native operator++(int) { const Native before = number; ++*this; return before; }
    Native operator--(int) { const Native before = number; --*this; return before; }
    template <typename T> Narrow &operator+=(T other) { return *this = number + other; }
    template <typename T> Narrow &operator-=(T other) { return *this = number - other; }
    template <typename T> Narrow &operator*=(T other) { return *this = number * other; }
    template <typename T> Narrow &operator&=(T other) { return *this = number & other; }
    template <typename T> Narrow &operator|=(T other) { return *this = number | other; }
    template <typename T> Narrow &operator^=(T other) { return *this = number ^ other; }
    template <typename T> Narrow &operator<<=(T bits) { return *this = number << bits; }
    template <typename T> Narrow &operator>>=(T bits) { return *this = number >> bits; }

  private:
    Native number;

    static Native wrapped(std::uint64_t bits) {
        if (BITS == 8 * sizeof(Native)) return Native(bits);
        if (std::is_unsigned<Native>::value) return Native(bits & ones(BITS));
        return Native(std::int64_t(bits << (64 - BITS)) >> (64 - BITS));
    }
};

// Its limbs have 64 bits, the lowest first; bits of the topmost limb beyond BITS have no meaning.
template <int BITS>
class Wide {
  public:
    Wide() = default;

    template <typename T>
    Wide(T other) {
        for (int at = 0; at < BITS; at += 64) limbs[at / 64] = native::limb(other, at);
    }

    std::uint64_t limb(int at) const { return at < BITS ? limbs[at / 64] & ones(BITS - at) : 0; }

    std::uint64_t get(int low, int bits) const {
        const int place = low / 64, shift = low % 64;
        std::uint64_t value = limbs[place] >> shift;
        if (shift + bits > 64) value |= limbs[place + 1] << (64 - shift);
        return value & ones(bits);
    }

    void put(int low, int bits, std::uint64_t value) {
        const int place = low / 64, shift = low % 64;
        const std::uint64_t mask = ones(bits);
        value &= mask;
        limbs[place] = (limbs[place] & ~(mask << shift)) | value << shift;
        if (shift + bits > 64)
            limbs[place + 1] = (limbs[place + 1] & ~(mask >> (64 - shift))) | value >> (64 - shift);
    }

    Range<Wide> range(int high, int low) { return {*this, high, low}; }
    Range<const Wide> range(int high, int low) const { return {*this, high, low}; }

  private:
    std::uint64_t limbs[(BITS + 63) / 64];
};

template <int BITS>
using UnsignedNumber = typename std::conditional<BITS <= 64, Narrow<BITS, Unsigned<BITS>>, Wide<BITS>>::type;

}  // namespace native

template <int BITS>
struct ap_int : native::Narrow<BITS, native::Signed<BITS>> {
    typedef native::Narrow<BITS, native::Signed<BITS>> Number;
    using Number::Number;
    ap_int() = default;
};

template <int BITS>
struct ap_uint : native::UnsignedNumber<BITS> {
    typedef native::UnsignedNumber<BITS> Number;
    using Number::Number;
    ap_uint() = default;
};
