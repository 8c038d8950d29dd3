#pragma once

/// Home folders for benchmarks: an organization whose deployments have live releases, with a small
/// static program (bench/fake_meltano.cpp) in the place of meltano, as if they had been deployed.

#include <string>
#include <vector>

#include "base/home.h"
#include "base/secret.h"
#include "db/database.h"
#include "store/deployments.h"
#include "store/schedules.h"
#include "store/vault.h"

namespace cupola::bench {

struct Place {
  store::Deployment deployment;
  std::vector<store::Schedule> schedules;
};

struct Shape {
  int deployments = 1;
  int schedules_each = 10;
};

/// An organization, its owner's token, a project, and deployments with their schedules, all off.
/// Each has the jobs `load`, which ends at once, and `wait`, which goes on until it is stopped.
struct Seeded {
  Secret token;
  std::vector<Place> places;
};
Seeded seed(const Home& home, db::Database& database, const Shape& shape);

/// Switches all schedules on; their next fire is half a day away.
void enable_all(db::Database& database, const std::vector<Place>& places);

/// The first schedule of each of the first `count` places is due: at `first`, and each of the
/// others `every` after the one before.
void make_due(db::Database& database, const std::vector<Place>& places, int count, Instant first,
              std::chrono::milliseconds every);

/// Ended runs of the schedules, one each 30 s from a year ago on.
void add_history(db::Database& database, const std::vector<Place>& places, int count);

}  // namespace cupola::bench
