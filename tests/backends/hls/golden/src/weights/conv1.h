// conv1: weights as integers of ap_fixed<8,2,AP_RND_CONV,AP_SAT>, [2 PE][turn of a pixel][lane, 2 PE of each],
// and the biases that initialise its sums, as integers of ap_fixed<16,2,AP_RND_CONV,AP_SAT>, [PE][group].
// A weight above a negative one that shares its multiplier is less by one: see products.h.
#pragma once

static const signed char conv1_weights[1][30][4] = {
    {
        {-56, -44, -74, -7},
        {31, 45, 50, -28},
        {38, -26, 0, -1},
        {9, 62, 50, 18},
        {0, 0, 77, 14},
        {28, 48, -1, 45},
        {12, 8, -30, -6},
        {-37, -39, 21, 81},
        {58, 17, 12, -16},
        {0, 0, -16, 4},
        {-4, -9, -58, 49},
        {-3, 46, 2, -24},
        {56, -11, 20, 6},
        {21, -10, 30, -49},
        {0, 0, 5, -2},
        {-44, -12, -31, 28},
        {25, -2, -79, -41},
        {-48, -44, 28, 32},
        {-8, 16, -20, -67},
        {0, 0, 40, -15},
        {-21, 19, -27, -11},
        {-52, 11, -36, 1},
        {68, 1, 25, -4},
        {2, -29, -7, -53},
        {0, 0, -40, 1},
        {-5, 6, -28, -73},
        {-17, 49, 35, -11},
        {-11, -14, 44, -18},
        {-20, -21, -10, -14},
        {0, 0, -35, 64},
    },
};

static const short conv1_biases[2][2] = {
    {1455, -7303},
    {-10994, 799},
};
