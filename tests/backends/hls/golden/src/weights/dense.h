// dense: weights as integers of ap_fixed<8,2,AP_RND_CONV,AP_SAT>, [PE][turn of a pixel][lane],
// and what its sums start at, as integers of ap_fixed<14,3,AP_RND_CONV,AP_SAT>, [PE][group].
#pragma once

static const signed char dense_weights[1][15][2] = {
    {
        {6, 0},
        {-49, 33},
        {-19, 4},
        {20, 7},
        {16, 11},
        {-40, -8},
        {3, -52},
        {10, -11},
        {12, 37},
        {-3, -51},
        {7, -45},
        {19, 25},
        {16, 56},
        {-22, -7},
        {27, 74},
    },
};

static const short dense_biases[1][5] = {
    {591, -940, 1012, 2414, 307},
};
