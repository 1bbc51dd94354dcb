// What one word of a stream holds: the channels of a pixel, or some of the values of a window.
#pragma once

template <typename T, int N>
struct Vector {
    static const int SIZE = N;
    T value[N];
};
