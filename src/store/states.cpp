#include "store/states.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "store/columns.h"
#include "store/state_rows.h"

namespace cupola::store {
namespace {

#define COLUMNS_WITH(payload)                      \
  "s.project_key, s.state_id, s.version, " payload \
  ", s.origin, s.run_id, s.final,"                 \
  " s.created_at, s.updated_at"
#define STATE_COLUMNS COLUMNS_WITH("s.payload")
/// For lists: a page of states of 32 MiB each would fill the memory.
#define LISTED_COLUMNS COLUMNS_WITH("''")

constexpr Words<StateOrigin, 5> origin_words = {{{StateOrigin::run, "run"},
                                                 {StateOrigin::set, "set"},
                                                 {StateOrigin::restored, "restored"},
                                                 {StateOrigin::edited, "edited"},
                                                 {StateOrigin::imported, "imported"}}};

StateVersion to_state(const db::Row& row) {
  return {.project = row.get<ProjectKey>(0),
          .state_id = row.get<std::string>(1),
          .version = row.get<std::int64_t>(2),
          .payload = row.get<std::string>(3),
          .origin = value_in_column(origin_words, row.get<std::string_view>(4)),
          .run = row.get<std::optional<RunId>>(5),
          .final = row.get<bool>(6),
          .created_at = row.get<Instant>(7),
          .updated_at = row.get<Instant>(8)};
}

Error held_by(std::string_view state_id, std::string_view run) {
  return {Error::Kind::conflict,
          fmt::format("The state {} is in use by the run {}.", quoted(state_id), run),
          "Wait until it has ended, or stop it."};
}

}  // namespace

Result<void> check_size(std::string_view state_id, std::size_t bytes) {
  if (bytes <= largest_state) return {};
  return Error{
      Error::Kind::too_large,
      fmt::format("The state {} has {:.1f} MiB as JSON; the limit is {} MiB, of what a run "
                  "leaves too.",
                  cupola::quoted(state_id), static_cast<double>(bytes) / double{1u << 20},
                  largest_state >> 20),
      "Take bookmarks out of it that the tap no longer needs (of streams that are gone, "
      "say), or split its streams over two schedules with a state_id_suffix each."};
}

Result<void> check_free(db::Session& db, const ProjectKey& project, std::string_view state_id) {
  const auto holder =
      db.one("SELECT run_id FROM run_locks WHERE scope = :project AND name = :state_id",
             [](const db::Row& row) { return row.get<std::string>(0); },
             {{"project", project}, {"state_id", state_id}});
  return holder ? Result<void>(held_by(state_id, *holder)) : Result<void>();
}

Result<void> hold_state(db::Session& db, const ProjectKey& project, std::string_view state_id,
                        Instant now) {
  const auto taken = db.execute(R"sql(
      INSERT INTO run_locks (scope, name, run_id, taken_at) VALUES (:project, :state_id, '', :now)
      ON CONFLICT (scope, name) DO NOTHING)sql",
                                {{"project", project}, {"state_id", state_id}, {"now", now}});
  if (taken == 1) return {};
  const auto free = check_free(db, project, state_id);
  return free ? held_by(state_id, "that just ended") : free.error();
}

void give_back_state(db::Session& db, const ProjectKey& project, std::string_view state_id) {
  db.execute("DELETE FROM run_locks WHERE scope = :project AND name = :state_id AND run_id = ''",
             {{"project", project}, {"state_id", state_id}});
}

std::string_view to_text(StateOrigin origin) {
  return word_for(origin_words, origin);
}

bool is_state_id(std::string_view text) {
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return !text.empty() && text.size() <= 1000 && !has_control && is_utf8(text);
}

bool is_state_payload(std::string_view text) {
  if (!is_utf8(text)) return false;
  const auto value = parse_json(text);
  return value && value->is_object();
}

StateVersion add_state_version(db::Session& db, const StateOwner& owner, const NewVersion& added,
                               Instant now) {
  // On PostgreSQL another server may draw the same number; then its row is there in the next look.
  for (int tries = 0; tries < 5; ++tries) {
    const auto version = db.one(R"sql(
        INSERT INTO states (project_key, state_id, version, organization_key, payload, origin,
                            run_id, final, created_at, updated_at)
        SELECT :project, :state_id, coalesce(max(version), 0) + 1, :organization, :payload, :origin,
               :run, :final, :now, :now
        FROM states WHERE project_key = :project AND state_id = :state_id
        ON CONFLICT (project_key, state_id, version) DO NOTHING
        RETURNING version)sql",
                                [](const db::Row& row) { return row.get<std::int64_t>(0); },
                                {{"project", owner.project},
                                 {"state_id", added.state_id},
                                 {"organization", owner.organization},
                                 {"payload", added.payload},
                                 {"origin", to_text(added.origin)},
                                 {"run", added.run},
                                 {"final", added.final},
                                 {"now", now}});
    if (version) {
      return {.project = owner.project,
              .state_id = added.state_id,
              .version = *version,
              .payload = added.payload,
              .origin = added.origin,
              .run = added.run,
              .final = added.final,
              .created_at = now,
              .updated_at = now};
    }
  }
  throw Failure(
      fmt::format("Cannot add a version of the state {}: others add them at the same time.",
                  quoted(added.state_id)));
}

std::optional<StateVersion> find_state(db::Session& db, const OrganizationKey& organization,
                                       const ProjectKey& project, std::string_view state_id) {
  return db.one("SELECT " STATE_COLUMNS R"sql( FROM states s
      WHERE s.organization_key = :organization AND s.project_key = :project
        AND s.state_id = :state_id ORDER BY s.version DESC LIMIT 1)sql",
                to_state,
                {{"organization", organization}, {"project", project}, {"state_id", state_id}});
}

std::optional<StateVersion> find_state(db::Session& db, const OrganizationKey& organization,
                                       const ProjectKey& project, std::string_view state_id,
                                       std::int64_t version) {
  return db.one("SELECT " STATE_COLUMNS R"sql( FROM states s
      WHERE s.organization_key = :organization AND s.project_key = :project
        AND s.state_id = :state_id AND s.version = :version)sql",
                to_state,
                {{"organization", organization},
                 {"project", project},
                 {"state_id", state_id},
                 {"version", version}});
}

std::vector<StateVersion> list_states(db::Session& db, const OrganizationKey& organization,
                                      const ProjectKey& project, std::string_view after,
                                      int limit) {
  return db.all(
      "SELECT " LISTED_COLUMNS R"sql( FROM states s
      WHERE s.organization_key = :organization AND s.project_key = :project
        AND s.state_id /* pg: COLLATE "C" */ > :after
        AND s.version = (SELECT max(n.version) FROM states n
                         WHERE n.project_key = s.project_key AND n.state_id = s.state_id)
      ORDER BY s.state_id /* pg: COLLATE "C" */ LIMIT :limit)sql",
      to_state,
      {{"organization", organization}, {"project", project}, {"after", after}, {"limit", limit}});
}

std::vector<StateVersion> list_state_versions(db::Session& db, const OrganizationKey& organization,
                                              const ProjectKey& project, std::string_view state_id,
                                              int limit) {
  return db.all("SELECT " LISTED_COLUMNS R"sql( FROM states s
      WHERE s.organization_key = :organization AND s.project_key = :project
        AND s.state_id = :state_id ORDER BY s.version DESC LIMIT :limit)sql",
                to_state,
                {{"organization", organization},
                 {"project", project},
                 {"state_id", state_id},
                 {"limit", limit}});
}

Result<StateVersion> set_state(db::Session& db, const OrganizationKey& organization,
                               const ProjectKey& project, std::string_view state_id,
                               std::string_view payload, StateOrigin origin, Instant now) {
  if (!is_state_id(state_id)) {
    return Error{Error::Kind::invalid, fmt::format("{} is no state id.", quoted(state_id)),
                 "Give 1 to 1,000 bytes of UTF-8 without control characters."};
  }
  if (!is_state_payload(payload)) {
    return Error{Error::Kind::invalid, "The state is no JSON object.",
                 "Give an object such as {\"completed\": {\"singer_state\": {…}}}."};
  }
  if (const auto held = hold_state(db, project, state_id, now); !held) return held.error();
  auto version = add_state_version(db, {.organization = organization, .project = project},
                                   {.state_id = std::string(state_id),
                                    .payload = std::string(payload),
                                    .origin = origin,
                                    .run = std::nullopt,
                                    .final = true},
                                   now);
  give_back_state(db, project, state_id);
  return version;
}

Result<void> delete_state(db::Session& db, const OrganizationKey& organization,
                          const ProjectKey& project, std::string_view state_id) {
  if (!find_state(db, organization, project, state_id)) {
    return Error{Error::Kind::not_found, fmt::format("There is no state {}.", quoted(state_id))};
  }
  if (const auto held = hold_state(db, project, state_id, Instant{}); !held) return held.error();
  db.execute(R"sql(
      DELETE FROM states WHERE organization_key = :organization AND project_key = :project
        AND state_id = :state_id)sql",
             {{"organization", organization}, {"project", project}, {"state_id", state_id}});
  give_back_state(db, project, state_id);
  return {};
}

std::int64_t trim_states(db::Session& db, const OrganizationKey& organization, int keep,
                         int limit) {
  return db.execute(R"sql(
      DELETE FROM states WHERE (project_key, state_id, version) IN (
        SELECT s.project_key, s.state_id, s.version FROM states s
        WHERE s.organization_key = :organization AND s.final = 1 AND s.version <= (
          SELECT max(n.version) FROM states n
          WHERE n.project_key = s.project_key AND n.state_id = s.state_id) - :keep
        LIMIT :limit))sql",
                    {{"organization", organization}, {"keep", keep}, {"limit", limit}});
}

}  // namespace cupola::store
