// A stand-in for hls::stream with its depth in hardware: writers wait for room, readers wait for a word.
#pragma once

#include <cstddef>
#include <queue>

#include "dataflow.h"

namespace hls {

template <typename T, int DEPTH = 0>
class stream;

// A depth of 0 marks a stream of the design's ports, which never fills.
template <typename T>
class stream<T, 0> {
  public:
    explicit stream(const char *name = "", std::size_t depth = 0) : name(name), depth(depth) {}

    T read() {
        dataflow::wait([this] { return !words.empty(); }, name, "is empty");
        const T word = words.front();
        words.pop();
        return word;
    }

    void write(const T &word) {
        dataflow::wait([this] { return !depth || words.size() < depth; }, name, "is full");
        words.push(word);
        if (words.size() > most) most = words.size();
    }

    bool empty() const { return words.empty(); }

    // The most words that it held.
    void print() const { std::printf("%s: %zu of %zu words\n", name, most, depth); }

  private:
    std::queue<T> words;
    const char *name;
    std::size_t depth, most = 0;
};

template <typename T, int DEPTH>
class stream : public stream<T, 0> {
  public:
    explicit stream(const char *name = "") : stream<T, 0>(name, DEPTH) {}
};

}  // namespace hls
