// cupola-simulate [--seeds N] [--first K] [--jobs J] [--notes M] [--show]
//
// Lives through the worlds of N seeds from K on, in J processes, and tells each seed whose promises
// did not hold the last M (50) events. --show tells the last events of good ones too.

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simulation/simulate.h"

namespace {

using cupola::simulation::Outcome;

struct Wanted {
  std::uint64_t seeds = 100;
  std::uint64_t first = 1;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  std::size_t notes = 50;
  bool show = false;
};

struct Totals {
  std::uint64_t seeds = 0, broken = 0, steps = 0, runs = 0, fires = 0;
};

/// Ctrl-C and SIGTERM to the group end a long series after the seeds at hand, and it tells those;
/// the second one ends it at once.
volatile std::sig_atomic_t is_stopped = 0;

void stop_soon() {
  for (const int number : {SIGINT, SIGTERM}) {
    std::signal(number, [](int caught) {
      is_stopped = 1;
      std::signal(caught, SIG_DFL);
    });
  }
}

void tell(const Outcome& outcome) {
  std::string text = fmt::format("seed {}: {}\n", outcome.seed,
                                 outcome.broken.empty() ? "all promises held" : outcome.broken);
  for (const std::string& note : outcome.last_notes) text += "  " + note + "\n";
  text += fmt::format("seed {}: step {}, history {:016x}; again: --first {} --seeds 1 --show\n",
                      outcome.seed, outcome.steps, outcome.hash, outcome.seed);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Totals live_through(const Wanted& wanted, unsigned job) {
  Totals totals;
  for (std::uint64_t i = job; i < wanted.seeds && is_stopped == 0; i += wanted.jobs) {
    const Outcome outcome = cupola::simulation::simulate(wanted.first + i, wanted.notes);
    ++totals.seeds;
    totals.broken += outcome.broken.empty() ? 0 : 1;
    totals.steps += outcome.steps;
    totals.runs += static_cast<std::uint64_t>(outcome.runs);
    totals.fires += static_cast<std::uint64_t>(outcome.fires);
    if (!outcome.broken.empty() || wanted.show) tell(outcome);
  }
  return totals;
}

int usage() {
  std::fputs("usage: cupola-simulate [--seeds N] [--first K] [--jobs J] [--notes M] [--show]\n",
             stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  Wanted wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--show") {
      wanted.show = true;
      continue;
    }
    if (i + 1 == argc) return usage();
    const std::uint64_t value = std::strtoull(argv[++i], nullptr, 10);
    if (name == "--seeds") {
      wanted.seeds = value;
    } else if (name == "--first") {
      wanted.first = value;
    } else if (name == "--jobs" && value > 0) {
      wanted.jobs = static_cast<unsigned>(value);
    } else if (name == "--notes") {
      wanted.notes = value;
    } else {
      return usage();
    }
  }

  stop_soon();
  int ends[2];
  if (::pipe(ends) != 0) return 1;
  for (unsigned job = 0; job < wanted.jobs; ++job) {
    if (::fork() != 0) continue;
    const Totals totals = live_through(wanted, job);
    const bool told = ::write(ends[1], &totals, sizeof totals) == sizeof totals;
    std::_Exit(told ? 0 : 1);
  }
  Totals all;
  bool crashed = false;
  for (unsigned job = 0; job < wanted.jobs; ++job) {
    int status = 0;
    while (::wait(&status) < 0 && errno == EINTR) continue;
    if (status != 0) {
      crashed = true;
      continue;
    }
    Totals part;
    if (::read(ends[0], &part, sizeof part) != sizeof part) return 1;
    all.seeds += part.seeds;
    all.broken += part.broken;
    all.steps += part.steps;
    all.runs += part.runs;
    all.fires += part.fires;
  }
  fmt::print("{} seeds from {}: {} broken; {} events, {} runs, {} fires{}\n", all.seeds,
             wanted.first, all.broken, all.steps, all.runs, all.fires,
             crashed ? "; a process crashed" : "");
  return all.broken == 0 && !crashed ? 0 : 1;
}
