// shortcut: weights as integers of ap_fixed<8,1,AP_RND_CONV,AP_SAT>, [PE][turn of a pixel][lane],
// and the biases that initialise its sums, as integers of ap_fixed<17,2,AP_RND_CONV,AP_SAT>, [PE][group].
#pragma once

static const signed char shortcut_weights[1][12][1] = {
    {
        {39},
        {-51},
        {-20},
        {-86},
        {55},
        {81},
        {46},
        {109},
        {-69},
        {-88},
        {-5},
        {18},
    },
};

static const int shortcut_biases[1][4] = {
    {3821, 16537, 4892, -4365},
};
