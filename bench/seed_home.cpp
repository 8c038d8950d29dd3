// seed_home HOME [--deployments N] [--schedules N] [--enable] [--due N --in MS --every MS]
//           [--history N] [--database URL]
//
// Makes a home folder as bench/seed.h says and prints a token of its owner.

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/files.h"
#include "seed.h"

int main(int argc, char** argv) {
  using namespace cupola;
  CLI::App app("Makes a home folder for benchmarks");
  std::string folder, url;
  bench::Shape shape;
  bool enable = false;
  int due = 0, history = 0;
  std::int64_t first = 0, every = 0;
  app.add_option("home", folder)->required();
  app.add_option("--database", url, "in place of the SQLite file in the folder");
  app.add_option("--deployments", shape.deployments);
  app.add_option("--schedules", shape.schedules_each, "of each deployment");
  app.add_flag("--enable", enable, "switch all schedules on");
  app.add_option("--due", due, "deployments whose first schedule is due soon");
  app.add_option("--in", first, "ms from the end of this program until the first of them is due");
  app.add_option("--every", every, "ms from one of them to the next");
  app.add_option("--history", history, "ended runs");
  CLI11_PARSE(app, argc, argv);
  try {
    const Home home(folder);
    make_folder(home.root());
    const auto database =
        db::Database::open({.url = url.empty() ? "sqlite:" + home.database().string() : url});
    const store::Vault vault = store::Vault::open(home.key(), *database);
    const bench::Seeded seeded = bench::seed(home, *database, shape);
    if (enable) bench::enable_all(*database, seeded.places);
    bench::add_history(*database, seeded.places, history);
    if (due > 0) {
      bench::make_due(*database, seeded.places, due,
                      SystemClock().now() + std::chrono::milliseconds{first},
                      std::chrono::milliseconds{every});
    }
    fmt::print("{}\n", seeded.token.reveal());
    return 0;
  } catch (const std::exception& exception) {
    fmt::print(stderr, "seed_home: {}\n", exception.what());
    return 1;
  }
}
