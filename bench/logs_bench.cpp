/// What the log path costs: `logs_bench [FOLDER]` (a temporary one unless given).
///
/// Prints, each as the median of five: MiB/s of CPU time and of wall time to disk without masking
/// and with 100 secrets masked, for a plain file of the same bytes beside it; pages deep in a log
/// of 1,000,000 lines, live and compressed; and the memory that a line of 1 GiB takes.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "logs/reader.h"
#include "logs/writer.h"

namespace {

using namespace cupola;
namespace fs = std::filesystem;

constexpr std::size_t chunk_size = 64u << 10;  // what a pipe gives at most
constexpr int rounds = 5;
constexpr double mebibyte = 1 << 20;

struct Cost {
  double cpu = 0, wall = 0;  // seconds
};

double cpu_now() {
  ::timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Cost cost_of(const std::function<void()>& work) {
  const double cpu = cpu_now();
  const auto wall = std::chrono::steady_clock::now();
  work();
  return {cpu_now() - cpu,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count()};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Cost median_cost(const std::function<void()>& before, const std::function<void()>& work) {
  std::vector<double> cpu, wall;
  for (int i = 0; i < rounds; ++i) {
    before();
    const Cost cost = cost_of(work);
    cpu.push_back(cost.cpu);
    wall.push_back(cost.wall);
  }
  return {median(cpu), median(wall)};
}

/// Lines such as a plugin's in meltano's JSON log, about 330 bytes each.
std::string log_text(std::size_t size) {
  std::mt19937_64 random(1);
  std::string text;
  while (text.size() < size) {
    text += fmt::format(
        R"({{"stdio": "stderr", "consumer": false, "producer": true, "string_id": "tap-events", )"
        R"("cmd_type": "elb", "job_name": "dev:tap-events-to-target-jsonl", "name": "tap-events", )"
        R"("event": "GET https://api.example.com/v2/events?cursor={:016x}&page={} gave 200", )"
        R"("level": "info", "timestamp": "2026-11-23T01:37:30.{:06}Z", "_name": "info"}})"
        "\n",
        random(), random() % 1000, random() % 1'000'000);
  }
  return text;
}

std::vector<Secret> secrets(std::size_t count) {
  std::mt19937_64 random(2);
  std::vector<Secret> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.emplace_back(i % 4 == 0 ? fmt::format("postgresql://user{}:{:x}@db/x", i, random())
                                   : fmt::format("{:016x}-K{:08x}", random(), random()));
  }
  return values;
}

void write_log(const fs::path& path, std::string_view text, const logs::WriterOptions& options) {
  const Instant now = from_milliseconds(1'795'435'200'000);
  logs::Writer writer = logs::Writer::open(path, options);
  for (std::size_t at = 0; at < text.size(); at += chunk_size) {
    writer.append(logs::Stream::output, text.substr(at, chunk_size), now);
  }
  writer.close(now);
}

void write_plain(const fs::path& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  for (std::size_t at = 0; at < text.size(); at += chunk_size) {
    const std::string_view chunk = text.substr(at, chunk_size);
    if (::write(fd, chunk.data(), chunk.size()) < 0) std::abort();
  }
  ::fsync(fd);
  ::close(fd);
}

void show_rate(const char* what, std::size_t size, const Cost& cost) {
  fmt::print("{:44} {:8.0f} MiB/s CPU {:8.0f} MiB/s wall\n", what,
             static_cast<double>(size) / mebibyte / cost.cpu,
             static_cast<double>(size) / mebibyte / cost.wall);
}

void bench_writing(const fs::path& folder) {
  const std::string text = log_text(256u << 20);
  const fs::path path = folder / "log";
  const auto clear = [&] { logs::remove(path); };
  show_rate("a plain file, fsynced", text.size(),
            median_cost(clear, [&] { write_plain(path.string() + ".log", text); }));
  for (const std::size_t count : {0, 1, 100, 1000}) {
    const std::string what = fmt::format("a log, {} secrets masked, fsynced", count);
    show_rate(what.c_str(), text.size(),
              median_cost(clear, [&] { write_log(path, text, {.masked = secrets(count)}); }));
  }
  clear();

  // Each line holds a secret; and the worst there is: text that is the beginning of secrets.
  const std::vector<Secret> values = secrets(100);
  std::string hits, beginnings;
  while (hits.size() < (32u << 20)) {
    for (const Secret& value : values) {
      hits += fmt::format("connecting with {} to the source, attempt 1\n", value.reveal());
      beginnings += value.reveal().substr(0, value.reveal().size() - 1);
    }
  }
  show_rate("a log, 100 secrets, one in each line", hits.size(),
            median_cost(clear, [&] { write_log(path, hits, {.masked = values}); }));
  clear();
  show_rate("a log, 100 secrets, each all but whole", beginnings.size(),
            median_cost(clear, [&] { write_log(path, beginnings, {.masked = values}); }));
  clear();
}

void bench_pages(const fs::path& folder) {
  constexpr std::uint64_t count = 1'000'000;
  const fs::path path = folder / "pages";
  const Instant now = from_milliseconds(1'795'435'200'000);
  {
    logs::Writer writer = logs::Writer::open(path, {});
    std::mt19937_64 random(3);
    for (std::uint64_t i = 0; i < count; ++i) {
      writer.append(logs::Stream::output,
                    fmt::format("line {} of a log, with {:016x} in it and some more text that is "
                                "as long as that of most lines are\n",
                                i, random()),
                    now);
    }
    writer.close(now);
  }
  const auto size = fs::file_size(path.string() + ".log");
  for (const bool compressed : {false, true}) {
    if (compressed) show_rate("compress", size, cost_of([&] { logs::compress(path); }));
    std::mt19937_64 random(4);
    std::vector<double> times;
    for (int i = 0; i < 1000; ++i) {
      const Cost cost = cost_of([&] {
        const Result<logs::Reader> reader = logs::Reader::open(path);
        if (!reader || reader->read(random() % (count - 200), 200).size() != 200) std::abort();
      });
      times.push_back(cost.wall * 1e3);
    }
    std::sort(times.begin(), times.end());
    fmt::print("{:44} {:8.3f} ms p50     {:8.3f} ms p99\n",
               compressed ? "open and read 200 of 1,000,000, compressed"
                          : "open and read 200 of 1,000,000, live",
               times[500], times[990]);
  }
  logs::remove(path);
}

void bench_endless_line(const fs::path& folder) {
  const fs::path path = folder / "line";
  const auto peak = [] {
    ::rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
  };
  const Instant now = from_milliseconds(1'795'435'200'000);
  const std::string chunk(chunk_size, 'x');
  const double before = peak();
  {
    logs::Writer writer = logs::Writer::open(path, {.masked = secrets(100)});
    for (std::size_t i = 0; i < (1u << 30) / chunk_size; ++i) {
      writer.append(logs::Stream::output, chunk, now);
    }
    writer.close(now);
  }
  fmt::print("{:44} {:8.1f} MiB more memory\n", "a line of 1 GiB", peak() - before);
  logs::remove(path);
}

}  // namespace

int main(int argc, char** argv) {
  const fs::path base = argc > 1 ? fs::path(argv[1]) : fs::temp_directory_path();
  std::string name = (base / "cupola-logs-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    fmt::print(stderr, "Cannot make a folder in {}.\n", base.string());
    return 1;
  }
  bench_endless_line(name);  // first, before anything else took memory
  bench_writing(name);
  bench_pages(name);
  fs::remove_all(name);
  return 0;
}
