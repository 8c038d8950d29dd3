#pragma once

/// What a run costs, worked out and written down in the transaction that ends it; for the files of
/// this module that end runs. Summed up later: store/usage.h.

#include <optional>

#include "credits/cost.h"
#include "db/database.h"
#include "store/runs.h"

namespace cupola::store {

/// What an ended run costs, and for what; the use is empty where it costs nothing.
struct RunCost {
  std::optional<credits::Use> use;
  credits::Cost cost;
};

/// Of the run, which ends now; `last` is how its present attempt ended, where there is one.
RunCost cost_at_end(db::Session& db, const RunId& run, const RunResult* last);

/// The parameters of `credits_base = :credits_base, …` for the run's own row.
#define SET_RUN_COST                                                     \
  " credits_base = :credits_base, credits_run_time = :credits_run_time," \
  " credits_egress = :credits_egress"
void add_cost_params(db::Params& params, const credits::Cost& cost);

/// Keeps it for the account, if it costs anything.
void charge(db::Session& db, const RunId& run, const RunCost& cost, Instant ended_at);

}  // namespace cupola::store
