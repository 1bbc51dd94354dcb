// The stream simulation token by token, as in tokens.py, which explains it; `compiled.py` calls it.
//
// Stages are numbered so that sources come first. `takes` and `puts` are the cycles at which each stage has taken and put
// its tokens, one stage after the other; `taken` and `put` count them. A token put can be taken `delay` cycles later.
#include <cstdint>
#include <vector>

namespace {

struct Run { int64_t repeats, cycles, takes, puts; };

struct Fifo { int64_t writer, reader, capacity; };

enum Waits { NOT, FOR_TOKENS, FOR_ROOM };

// How far a stage has come: the tokens taken and put, and what it waits for.
struct End { int64_t taken = 0, put = 0, waits = NOT; };

struct Stage {
    const Run *runs;
    int64_t count, delay;
    int64_t *takes, *puts;
    std::vector<int> sources;
    std::vector<const Fifo *> readers;
    // How far it has come: in which frame, run and firing, at which cycle, and whether its firing has taken its tokens.
    int64_t frame = 0, run = 0, repeat = 0, now = 0;
    bool fires = false;
    End end;
};

}  // namespace

extern "C" void simulate(int64_t stage_count, int64_t fifo_count, int64_t frames, const Run *runs, const int64_t *run_counts,
                         const int64_t *delays, const Fifo *fifos, int64_t *takes, const int64_t *take_counts,
                         int64_t *puts, const int64_t *put_counts, End *ends) {
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
        End &end = stage.end;
        const auto stops = [&](Waits what) { end.waits = what; return moved; };
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
                                if (stages[source].end.put <= end.taken) return stops(FOR_TOKENS);
                            for (int source : stage.sources) {
                                const int64_t ready = stages[source].puts[end.taken] + stages[source].delay;
                                if (ready > stage.now) stage.now = ready;
                            }
                            stage.takes[end.taken++] = stage.now;
                            moved = true;
                        }
                        stage.now += run.cycles;
                        stage.fires = true;
                    }
                    if (run.puts) {
                        for (const Fifo *fifo : stage.readers)
                            if (end.put - fifo->capacity >= stages[fifo->reader].end.taken) return stops(FOR_ROOM);
                        for (const Fifo *fifo : stage.readers) {
                            const int64_t leaver = end.put - fifo->capacity;
                            if (leaver >= 0 && stages[fifo->reader].takes[leaver] > stage.now)
                                stage.now = stages[fifo->reader].takes[leaver];
                        }
                        stage.puts[end.put++] = stage.now;
                        moved = true;
                    }
                }
            }
        return stops(NOT);
    };

    for (bool moved = true; moved;) {
        moved = false;
        for (Stage &stage : stages) moved |= advance(stage);
    }
    for (const Stage &stage : stages) *ends++ = stage.end;
}
