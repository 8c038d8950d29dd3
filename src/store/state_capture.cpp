#include "store/state_capture.h"

#include "base/log.h"
#include "base/text.h"
#include "store/run_rows.h"
#include "store/state_rows.h"

namespace cupola::store {
namespace {

void write_state(db::Session& db, const StateOwner& owner, const StateWriter& writer,
                 const CapturedState& state, Instant now) {
  const auto newest = find_state(db, owner.organization, owner.project, state.state_id);
  if (newest && newest->payload == state.payload) return;
  if (newest && !newest->final && newest->run == writer.run) {
    db.execute(R"sql(
        UPDATE states SET payload = :payload, final = :final, updated_at = :now
        WHERE project_key = :project AND state_id = :state_id AND version = :version)sql",
               {{"payload", state.payload},
                {"final", writer.final},
                {"now", now},
                {"project", owner.project},
                {"state_id", state.state_id},
                {"version", newest->version}});
    return;
  }
  add_state_version(db, owner,
                    {.state_id = state.state_id,
                     .payload = state.payload,
                     .origin = StateOrigin::run,
                     .run = writer.run,
                     .final = writer.final},
                    now);
}

/// Locks are scoped by the project's key (migrations/0001_first_light.sql, run_locks).
bool is_held_by_another(db::Session& db, const StateOwner& owner, const StateWriter& writer,
                        const CapturedState& state) {
  return db
      .one("SELECT run_id FROM run_locks WHERE scope = :project AND name = :state_id",
           [&](const db::Row& row) { return row.get<RunId>(0) != writer.run; },
           {{"project", owner.project}, {"state_id", state.state_id}})
      .value_or(false);
}

}  // namespace

void write_states(db::Session& db, const StateOwner& owner, const StateWriter& writer,
                  const std::vector<CapturedState>& states, Instant now) {
  for (const CapturedState& state : states) {
    if (!is_state_id(state.state_id) || !is_state_payload(state.payload)) {
      log_warning("run {}: what it left as the state {} is no JSON object and was not kept",
                  writer.run.text(), quoted(state.state_id));
      continue;
    }
    if (is_held_by_another(db, owner, writer, state)) {
      log_warning("run {}: it wrote the state {}, which another run holds; that was not kept",
                  writer.run.text(), quoted(state.state_id));
      continue;
    }
    write_state(db, owner, writer, state, now);
  }
}

void make_states_final(db::Session& db, const RunId& run, Instant now) {
  db.execute("UPDATE states SET final = 1, updated_at = :now WHERE run_id = :run AND final = 0",
             {{"now", now}, {"run", run}});
}

bool capture_states(db::Session& db, const RunId& run, std::int64_t token,
                    const std::vector<CapturedState>& states, Instant now) {
  const auto owner = db.one(
      "SELECT organization_key, project_key FROM runs"
      " WHERE id = :id AND lease_token = :token AND " THIS_RUN_IS_OPEN " /* pg: FOR UPDATE */",
      [](const db::Row& row) {
        return StateOwner{.organization = row.get<OrganizationKey>(0),
                          .project = row.get<ProjectKey>(1)};
      },
      {{"id", run}, {"token", token}});
  if (!owner) return false;
  write_states(db, *owner, {.run = run}, states, now);
  return true;
}

}  // namespace cupola::store
