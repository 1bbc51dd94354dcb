// Takes `values` and `factors` of a cycle after another from standard input, and prints `sums` behind each.
#include <cstdio>

#include "top.cc"

template <size_t bits>
static bool take(cxxrtl::value<bits> &port) {
    return fread(port.data, sizeof(port.data[0]), port.chunks, stdin) == port.chunks;
}

int main() {
    cxxrtl_design::p_top top;
    while (take(top.p_values) && take(top.p_factors)) {
        top.p_clk.set<bool>(true);
        top.step();
        top.p_clk.set<bool>(false);  // what is behind registers shows with the next step
        top.step();
        fwrite(top.p_sums.data, sizeof(top.p_sums.data[0]), top.p_sums.chunks, stdout);
    }
}
