// Drives the design as Yosys translates it to C++ (write_cxxrtl), cycle by cycle: frames back to back on its AXI4-Streams.
//
// The clock stays high and every evaluation is a rising edge: nothing in the design happens at a falling one, and a cycle
// then costs one evaluation. An output that is a register is read before it, one that is combinational after it: both are
// what they were at the edge.
#include "design.cpp"
#include <cxxrtl/capi/cxxrtl_capi.cc>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

// Goes on and stalls in turn, each for 1 to 2 to the `longest` cycles, drawn by a generator of its own that is the same
// everywhere: short stalls between words, and long ones that fill every FIFO behind them.
struct Stalls {
    uint32_t state;
    int longest;
    int64_t left = 0;
    bool stalling = true;
    bool now() {
        if (left-- > 0) return stalling;
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        stalling = !stalling;
        left = state >> 8 & ((1u << state % (longest + 1)) - 1);
        return stalling;
    }
};

template <size_t BITS>
uint32_t before_edge(const cxxrtl::wire<BITS> &output) { return output.curr.data[0]; }
template <size_t BITS>
uint32_t before_edge(const cxxrtl::value<BITS> &) { return 0; }
template <size_t BITS>
uint32_t at_edge(uint32_t before, const cxxrtl::wire<BITS> &) { return before; }
template <size_t BITS>
uint32_t at_edge(uint32_t, const cxxrtl::value<BITS> &output) { return output.data[0]; }

// The most words that every FIFO has held, a line each.
template <typename Design>
void write_marks(Design &design, char *marks, int size) {
    cxxrtl::debug_items items;
    design.debug_info(&items, nullptr, "");
    std::string text;
    for (auto &item : items.table) {
        const std::string &name = item.first;
        if (name.size() < 5 || name.substr(name.size() - 5) != " most") continue;
        text += name.substr(0, name.size() - 5) + ": " + std::to_string(item.second[0].curr[0]) + "\n";
    }
    std::strncpy(marks, text.c_str(), size - 1);
}

}  // namespace

// Sends `frames` images of 36 beats and takes their results, with stalls at both ends for the last `stalled` frames.
// `first` and `last` get the cycles in which the first beat of each image went in and the last result of each frame came
// out, `marks` the most words that every FIFO held until the stalls. Returns the number of faults of TLAST and TKEEP, or
// -1 where nothing moved for `patience` cycles, or -2 where an evaluation does not settle at once.
extern "C" int simulate(const uint32_t *images, int frames, int stalled, int longest, uint32_t seed, int64_t patience,
                        int32_t *results, int64_t *first, int64_t *last, char *marks, int size) {
    const int BEATS = 36, RESULTS = 5;
    cxxrtl_design::p_layer__small design;
    Stalls at_input = {seed | 1, longest}, at_output = {seed * 2654435761u | 1, longest};
    int64_t cycle = -2, moved = 0, sent = 0, taken = 0;
    int faults = 0;
    bool offered = false;
    design.p_clk.set(true);
    while (taken < int64_t(frames) * RESULTS) {
        const bool reset = cycle < 0;
        // A beat that was offered stays until it is taken.
        const bool stalls = sent / BEATS >= frames - stalled && at_input.now();
        offered = !reset && sent < int64_t(frames) * BEATS && (offered || !stalls);
        const bool ready = !reset && !(taken / RESULTS >= frames - stalled && at_output.now());
        design.p_reset.set(reset);
        design.p_images__tvalid.set(offered);
        if (offered) design.p_images__tdata.set(images[sent]);
        design.p_results__tready.set(ready);
        uint32_t valid = before_edge(design.p_results__tvalid), data = before_edge(design.p_results__tdata);
        uint32_t ends = before_edge(design.p_results__tlast), keep = before_edge(design.p_results__tkeep);
        uint32_t takes = before_edge(design.p_images__tready);
        design.prev_p_clk.set(false);
        if (!design.eval()) return -2;
        design.commit();
        valid = at_edge(valid, design.p_results__tvalid), data = at_edge(data, design.p_results__tdata);
        ends = at_edge(ends, design.p_results__tlast), keep = at_edge(keep, design.p_results__tkeep);
        takes = at_edge(takes, design.p_images__tready);
        if (ready && valid) {
            results[taken] = int32_t(data);
            const bool is_last = taken % RESULTS == RESULTS - 1;
            faults += bool(ends) != is_last || keep != 15;
            if (is_last) last[taken / RESULTS] = cycle;
            taken++;
            moved = cycle;
        }
        if (offered && takes) {
            if (sent % BEATS == 0) first[sent / BEATS] = cycle;
            sent++;
            if (stalled && sent == int64_t(frames - stalled) * BEATS) write_marks(design, marks, size);
            moved = cycle;
            offered = false;
        }
        cycle++;
        if (cycle - moved > patience) return -1;
    }

    if (!stalled) write_marks(design, marks, size);
    return faults;
}
