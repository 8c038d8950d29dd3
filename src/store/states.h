#pragma once

/// Singer state by (project, state id), in versions.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

enum class StateOrigin {
  run,
  set,
  restored,
  edited,   ///< streams were forgotten
  imported  ///< brought along from another Meltano
};
std::string_view to_text(StateOrigin origin);

/// What one state may have as JSON, whether a run leaves it or somebody sets it.
inline constexpr std::size_t largest_state = 32u << 20;
/// Errors: too_large, with the state's id.
Result<void> check_size(std::string_view state_id, std::size_t bytes);

struct StateVersion {
  ProjectKey project;
  std::string state_id;
  std::int64_t version = 0;  ///< 1, 2, 3 … within the state id
  std::string payload;       ///< JSON: {"completed": {...}, "partial": {...}}
  StateOrigin origin = StateOrigin::run;
  std::optional<RunId> run;
  bool final = true;
  Instant created_at;
  Instant updated_at;
};

/// A state that a run left, read from its work folder.
struct CapturedState {
  std::string state_id;
  std::string payload;
};

/// The newest version.
std::optional<StateVersion> find_state(db::Session& db, const OrganizationKey& organization,
                                       const ProjectKey& project, std::string_view state_id);
std::optional<StateVersion> find_state(db::Session& db, const OrganizationKey& organization,
                                       const ProjectKey& project, std::string_view state_id,
                                       std::int64_t version);
/// The newest version of each state id, by state id, after `after`; without payloads.
std::vector<StateVersion> list_states(db::Session& db, const OrganizationKey& organization,
                                      const ProjectKey& project, std::string_view after, int limit);
/// The versions of one, newest first; without payloads.
std::vector<StateVersion> list_state_versions(db::Session& db, const OrganizationKey& organization,
                                              const ProjectKey& project, std::string_view state_id,
                                              int limit);

/// Writes what a run that goes has left so far: its own version, made at its first state and
/// rewritten after; nothing is written when the payload equals the newest one. `token` is the
/// lease's: false, and nothing written, under a stale one.
bool capture_states(db::Session& db, const RunId& run, std::int64_t token,
                    const std::vector<CapturedState>& states, Instant now);

/// Whether no run holds the state id. Errors: conflict (the message names the run).
Result<void> check_free(db::Session& db, const ProjectKey& project, std::string_view state_id);
/// A new version by hand. Errors: conflict while a run holds the state id (the message names it),
/// invalid (the payload is no JSON object).
Result<StateVersion> set_state(db::Session& db, const OrganizationKey& organization,
                               const ProjectKey& project, std::string_view state_id,
                               std::string_view payload, StateOrigin origin, Instant now);
/// Takes all versions away. Errors: conflict while held, not_found.
Result<void> delete_state(db::Session& db, const OrganizationKey& organization,
                          const ProjectKey& project, std::string_view state_id);
/// Removes at most `limit` versions beyond the newest `keep` of each state id; gives how many went.
std::int64_t trim_states(db::Session& db, const OrganizationKey& organization, int keep, int limit);

}  // namespace cupola::store
