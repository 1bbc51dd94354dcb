// Ranges of the stand-in for ap_int.h, for every width that test_hls_ap_int.py asks for.
#include "ap_int.h"

typedef unsigned char Bytes;

template <typename Number>
void put(Number &number, const Bytes *bytes, int size) {
    for (int at = 0; at < size; at += 8) {
        const int high = at + 8 < size ? at + 7 : size - 1;
        number.range(high, at) = bytes[at / 8];
    }
}

template <typename Number>
void get(const Number &number, Bytes *bytes, int size) {
    for (int at = 0; at < size; at += 8) {
        const ap_uint<8> byte = number.range(at + 8 < size ? at + 7 : size - 1, at);
        bytes[at / 8] = byte;
    }
}

// Sets bits `low` to `high` of `word` to those of `part`, and gives the word and what it then reads there, as a word,
// as one of PART bits, and as a number with a sign.
template <int BITS, int PART>
long long ranges(Bytes *word, Bytes *part, int high, int low) {
    ap_uint<BITS> number;
    put(number, word, BITS);
    ap_uint<PART> other;
    put(other, part, PART);
    number.range(high, low) = other;
    get(number, word, BITS);
    const ap_uint<PART> read = number.range(high, low);
    get(read, part, PART);
    const ap_int<(PART < 64 ? PART : 64)> with_sign = ap_uint<PART>(number.range(high, low));
    return with_sign;
}

extern "C" long long check(int bits, int part_bits, Bytes *word, Bytes *part, int high, int low) {
#define CASE(BITS, PART) if (bits == BITS && part_bits == PART) return ranges<BITS, PART>(word, part, high, low);
#define CASES(BITS) CASE(BITS, 5) CASE(BITS, 8) CASE(BITS, 64) CASE(BITS, 65) CASE(BITS, 200)
    CASES(1) CASES(7) CASES(22) CASES(32) CASES(63) CASES(64) CASES(65) CASES(128) CASES(129) CASES(337) CASES(1024)
    return -1;
}

// What AMD's ap_int<22> and ap_uint<22> hold after the same: they wrap.
extern "C" int wrapped(int start, int other, int is_signed) {
    if (!is_signed) {
        ap_uint<22> number = start;
        number += other;
        number++;
        return int(number);
    }
    ap_int<22> number = start;
    number += other;
    number++;
    return int(number);
}
