// A stand-in for hls::stream where no AMD tool is available: a queue. Only the tools use its depth.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <queue>

namespace hls {

template <typename T, int DEPTH = 0>
class stream;

template <typename T>
class stream<T, 0> {
  public:
    explicit stream(const char *name = "") : name(name) {}

    T read() {
        if (words.empty()) {
            std::fprintf(stderr, "stream %s: read while empty\n", name);
            std::abort();
        }
        const T word = words.front();
        words.pop();
        return word;
    }

    void write(const T &word) { words.push(word); }

    bool empty() const { return words.empty(); }

  private:
    std::queue<T> words;
    const char *name;
};

template <typename T, int DEPTH>
class stream : public stream<T, 0> {
  public:
    explicit stream(const char *name = "") : stream<T, 0>(name) {}
};

}  // namespace hls
