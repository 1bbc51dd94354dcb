// Stages run concurrently in one thread: a stage that waits for a FIFO is suspended and resumed later.
#pragma once

#include <ucontext.h>

#include <cstdio>
#include <functional>
#include <list>
#include <memory>

namespace dataflow {

struct Stage {
    const char *name;
    std::function<void()> body;
    // What it waits for: the FIFO, its state, and whether the wait is over.
    const char *fifo, *state;
    std::function<bool()> is_over;
    bool has_ended;
    ucontext_t place;
    std::unique_ptr<char[]> stack;
};

inline ucontext_t &scheduler() {
    static ucontext_t place;
    return place;
}

inline Stage *&running() {
    static Stage *stage = nullptr;
    return stage;
}

// Suspends the running stage until `is_over`. Code outside of stages never waits.
inline void wait(std::function<bool()> is_over, const char *fifo, const char *state) {
    Stage *stage = running();
    if (!stage) return;
    stage->is_over = is_over;
    stage->fifo = fifo;
    stage->state = state;
    swapcontext(&stage->place, &scheduler());
}

// In the order of the design.
class Stages {
  public:
    explicit Stages(int frames) : frames(frames) {}

    void add(const char *name, std::function<void()> body) {
        static const std::size_t STACK = 4 << 20;
        const int frames = this->frames;
        const auto all = [body, frames] { for (int frame = 0; frame < frames; frame++) body(); };
        stages.push_front(Stage{name, all, "", "", [] { return true; }, false, {}, nullptr});
        Stage &stage = stages.front();
        stage.stack.reset(new char[STACK]);
        getcontext(&stage.place);
        stage.place.uc_stack.ss_sp = stage.stack.get();
        stage.place.uc_stack.ss_size = STACK;
        stage.place.uc_link = &scheduler();
        makecontext(&stage.place, start, 0);
    }

    // Runs until all have ended, or wait for each other for ever; returns whether all have ended. Of the stages that
    // can run, the last one does: nothing is computed before it is needed, so each FIFO holds as few words as possible.
    bool run() {
        while (Stage *stage = next()) {
            running() = stage;
            swapcontext(&scheduler(), &stage->place);
            running() = nullptr;
        }
        bool have_ended = true;
        for (const Stage &stage : stages) {
            if (stage.has_ended) continue;
            std::fprintf(stderr, "deadlock: %s waits, since %s %s\n", stage.name, stage.fifo, stage.state);
            have_ended = false;
        }
        return have_ended;
    }

  private:
    const int frames;
    std::list<Stage> stages;  // the last of the design first

    Stage *next() {
        for (Stage &stage : stages)
            if (!stage.has_ended && stage.is_over()) return &stage;
        return nullptr;
    }

    static void start() {
        Stage *stage = running();
        stage->body();
        stage->has_ended = true;
    }
};

}  // namespace dataflow
