#include "simulation/faulty_database.h"

namespace cupola::simulation {
namespace {

/// Takes back what a transaction did.
struct Undo {};

}  // namespace

void FaultyDatabase::refuse(bool writes) {
  const std::string fault = ways_.fault(writes);
  if (!fault.empty()) throw Failure(fault);
  if (world_.random.per_million(faults_.refused)) throw Failure("The database is busy.");
}

void FaultyDatabase::run_read(const std::function<void(db::Session&)>& work) {
  ways_.point();
  refuse(false);
  real_.read([&](db::Session& session) { work(session); });
  ways_.point();
}

void FaultyDatabase::run_write(const std::function<void(db::Session&)>& work) {
  ways_.point();
  refuse(true);
  const bool undone = world_.random.per_million(faults_.undone);
  if (undone || world_.random.per_million(faults_.done_twice)) {
    try {
      real_.write([&](db::Session& session) {
        work(session);
        throw Undo{};
      });
    } catch (const Undo&) {
      if (undone) throw Failure("The commit failed.");
    }
  }
  real_.write([&](db::Session& session) { work(session); });
  ways_.wrote();
  if (world_.random.per_million(faults_.kept_untold))
    throw Failure("The connection broke during the commit: whether it was kept is not known.");
  ways_.point();
}

}  // namespace cupola::simulation
