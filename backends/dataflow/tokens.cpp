// The stream simulation token by token, as in tokens.py, which explains it; `compiled.py` calls it.
//
// Stages are numbered so that sources come first. `takes` and `puts` are the cycles at which each stage has taken and put
// its tokens, one stage after the other; `taken` and `put` count them. A token put can be taken `delay` cycles later.
#include <cstdint>
#include <vector>

namespace {

struct Run { int64_t repeats, cycles, takes, puts; };

struct Fifo { int64_t writer, reader, capacity; };

struct Stage {
    const Run *runs;
    int64_t count, delay;
    int64_t *takes, *puts;
    std::vector<int> sources;
    std::vector<const Fifo *> readers;
    // How far it has come: in which frame, run and firing, at which cycle, and whether its firing has taken its tokens.
    int64_t frame = 0, run = 0, repeat = 0, now = 0, taken = 0, put = 0;
    bool fires = false;
};

}  // namespace

// 1 where all frames are through, 0 where stages wait for each other or for tokens that never come.
extern "C" int simulate(int64_t stage_count, int64_t fifo_count, int64_t frames, const Run *runs, const int64_t *run_counts,
                        const int64_t *delays, const Fifo *fifos, int64_t *takes, const int64_t *take_counts,
                        int64_t *puts, const int64_t *put_counts) {
    std::vector<Stage> stages(stage_count);
    for (int64_t i = 0; i < stage_count; i++) {
        Stage &stage = stages[i];
        stage.runs = runs, stage.count = run_counts[i], stage.delay = delays[i];
        stage.takes = takes, stage.puts = puts;
        runs += run_counts[i], takes += take_counts[i] * frames, puts += put_counts[i] * frames;
    }
    for (int64_t i = 0; i < fifo_count; i++) {
        stages[fifos[i].reader].sources.push_back(fifos[i].writer);
        stages[fifos[i].writer].readers.push_back(&fifos[i]);
    }

    // Fires as often as the known times of the others allow; whether it took or put anything.
    auto advance = [&](Stage &stage) {
        bool moved = false;
        for (; stage.frame < frames; stage.frame++, stage.run = 0)
            for (; stage.run < stage.count; stage.run++, stage.repeat = 0) {
                const Run run = stage.runs[stage.run];
                if (!run.takes && !run.puts) {
                    stage.now += run.repeats * run.cycles;
                    continue;
                }
                for (; stage.repeat < run.repeats; stage.repeat++, stage.fires = false) {
                    if (!stage.fires) {
                        if (run.takes) {
                            for (int source : stage.sources)
                                if (stages[source].put <= stage.taken) return moved;
                            for (int source : stage.sources) {
                                const int64_t ready = stages[source].puts[stage.taken] + stages[source].delay;
                                if (ready > stage.now) stage.now = ready;
                            }
                            stage.takes[stage.taken++] = stage.now;
                            moved = true;
                        }
                        stage.now += run.cycles;
                        stage.fires = true;
                    }
                    if (run.puts) {
                        for (const Fifo *fifo : stage.readers)
                            if (stage.put - fifo->capacity >= stages[fifo->reader].taken) return moved;
                        for (const Fifo *fifo : stage.readers) {
                            const int64_t leaver = stage.put - fifo->capacity;
                            if (leaver >= 0 && stages[fifo->reader].takes[leaver] > stage.now)
                                stage.now = stages[fifo->reader].takes[leaver];
                        }
                        stage.puts[stage.put++] = stage.now;
                        moved = true;
                    }
                }
            }
        return moved;
    };

    for (bool moved = true; moved;) {
        moved = false;
        for (Stage &stage : stages) moved |= advance(stage);
    }
    for (const Stage &stage : stages)
        if (stage.frame < frames) return 0;
    return 1;
}
