// dense: weights as integers of ap_fixed<8,2,AP_RND_CONV,AP_SAT>, [2 PE][turn of a pixel][lane, 2 PE of each],
// and the biases that initialise its sums, as integers of ap_fixed<14,3,AP_RND_CONV,AP_SAT>, [PE][group].
// A weight above a negative one that shares its multiplier is less by one: see products.h.
#pragma once

static const signed char dense_weights[1][9][4] = {
    {
        {6, 20, 0, 7},
        {-49, 15, 33, 11},
        {-19, -41, 4, -8},
        {3, -3, -52, -52},
        {10, 7, -11, -46},
        {12, 19, 37, 25},
        {16, 0, 56, 0},
        {-22, -1, -7, -1},
        {27, 0, 74, 0},
    },
};

static const short dense_biases[2][3] = {
    {591, 1012, 307},
    {-940, 2414, 0},
};
