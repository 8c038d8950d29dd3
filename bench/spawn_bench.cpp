// What it costs to start a program, and to hold a run.
//
//   spawn_bench [ROUNDS]     (300 unless told; as root the supervisor's part is sandboxed with a
//   uid)
//
// Prints medians and 99th percentiles of: process::start of /bin/true until it is alive, in a
// process of 4 MiB and of 4 GiB of touched memory; /bin/true bare, and held by cupola-supervisor
// without and with sandbox, with overlay and with a memory limit: wall, and CPU of all processes.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/files.h"
#include "base/outcome.h"
#include "process/program.h"
#include "supervisor/spec.h"

namespace {

using namespace cupola;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

double cpu_of_children() {
  struct rusage usage {};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto milliseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

double at(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(static_cast<double>(values.size() - 1) * share)];
}

process::Child must(Result<process::Child> child) {
  if (!child) throw Failure(to_text(child.error()));
  return *std::move(child);
}

void measure_start(const char* name, int rounds) {
  const process::Program program{.argv = {"/bin/true"}};
  std::vector<double> starts;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = Clock::now();
    process::Child child = must(process::start(program, {}));
    starts.push_back(Milliseconds(Clock::now() - begin).count());
    child.wait();
  }
  std::printf("%-34s p50 %6.2f ms  p99 %6.2f ms\n", name, at(starts, 0.5), at(starts, 0.99));
}

struct Cost {
  double wall_p50, wall_p99, cpu_p50;
};

Cost measure_program(const char* name, int rounds, const std::function<process::Child()>& start) {
  std::vector<double> walls, cpus;
  for (int i = 0; i < rounds; ++i) {
    const double cpu = cpu_of_children();
    const auto begin = Clock::now();
    start().wait();
    walls.push_back(Milliseconds(Clock::now() - begin).count());
    cpus.push_back(cpu_of_children() - cpu);
  }
  const Cost cost{at(walls, 0.5), at(walls, 0.99), at(cpus, 0.5)};
  std::printf("%-34s wall p50 %6.2f ms  p99 %6.2f ms   CPU p50 %6.2f ms\n", name, cost.wall_p50,
              cost.wall_p99, cost.cpu_p50);
  return cost;
}

/// A run of /bin/true; its folder is made anew for each, as the server does.
class HeldRun {
 public:
  explicit HeldRun(fs::path root) : root_(std::move(root)) {
    spec.run = RunId("bench");
    spec.folder = root_ / "run";
    spec.log = root_ / "run" / "log";
    spec.command = {"/bin/true"};
    spec.env = {{"PATH", "/usr/bin:/bin"}};
    spec.support = process::sandbox_support(root_);
    if (::geteuid() == 0) spec.sandbox.uid = 64399;
    make_folder(root_ / "checkout");
  }

  process::Child start() const {
    remove_tree(spec.folder);
    make_folder(spec.folder);
    FILE* file = std::tmpfile();
    const std::string text = to_json_text(spec);
    std::fwrite(text.data(), 1, text.size(), file);
    std::rewind(file);
    process::Child child =
        must(process::start({.argv = {CUPOLA_SUPERVISOR}}, {.in = ::fileno(file), .err = 2}));
    std::fclose(file);
    return child;
  }

  void add_overlay() {
    spec.sandbox.overlay = process::Overlay{.lower = root_ / "checkout",
                                            .upper = spec.folder / "upper",
                                            .work = spec.folder / "work",
                                            .to = "/repository"};
    spec.sandbox.folder = "/repository";
  }

  supervisor::RunSpec spec;

 private:
  fs::path root_;
};

void print_overhead(const Cost& run, const Cost& bare) {
  std::printf("%-34s wall p50 %6.2f ms  p99 %6.2f ms   CPU p50 %6.2f ms   (budget 15, -, 8)\n",
              "  beyond the bare program", run.wall_p50 - bare.wall_p50,
              run.wall_p99 - bare.wall_p99, run.cpu_p50 - bare.cpu_p50);
}

void measure_runs(int rounds) {
  std::string name = (fs::temp_directory_path() / "cupola-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw Failure("Cannot make " + name);
  const fs::path root = name;
  HeldRun run(root);
  std::printf("sandbox: %s\n", run.spec.support->text.c_str());
  const auto held = [&] { return run.start(); };
  const Cost bare = measure_program(
      "/bin/true bare", rounds, [] { return must(process::start({.argv = {"/bin/true"}}, {})); });
  run.spec.sandbox.wanted = false;
  measure_program("held, no sandbox", rounds, held);
  run.spec.sandbox.wanted = true;
  print_overhead(measure_program("held, sandboxed", rounds, held), bare);
  run.add_overlay();
  print_overhead(measure_program("held, sandboxed, overlay", rounds, held), bare);
  run.spec.memory_limit = 256 << 20;
  print_overhead(measure_program("held, overlay, memory limit", rounds, held), bare);
  remove_tree(root);
}

void measure(int rounds) {
  measure_start("start() at 4 MiB", rounds);
  constexpr std::size_t size = 4ull << 30;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw Failure("Cannot have 4 GiB of memory.");
  ::madvise(memory, size, MADV_NOHUGEPAGE);
  for (std::size_t i = 0; i < size; i += 4096) static_cast<volatile char*>(memory)[i] = 1;
  measure_start("start() at 4 GiB", rounds);
  ::munmap(memory, size);
  measure_runs(rounds);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    measure(argc > 1 ? std::max(1, std::atoi(argv[1])) : 300);
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "spawn_bench: %s\n", failure.what());
    return 1;
  }
}
