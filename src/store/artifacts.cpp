#include "store/artifacts.h"

namespace cupola::store {
namespace {

#define ARTIFACTS_OF                                                         \
  "SELECT a.path, a.bytes, a.lease_token, a.fault FROM run_artifacts a"      \
  " JOIN runs r ON r.id = a.run_id WHERE r.organization_key = :organization" \
  " AND a.run_id = :run"

Artifact to_artifact(const db::Row& row) {
  return {.path = row.get<std::string>(0),
          .bytes = row.get<std::int64_t>(1),
          .lease_token = row.get<std::int64_t>(2),
          .fault = row.get<std::optional<std::string>>(3)};
}

}  // namespace

void keep_artifacts(db::Session& db, const Lease& lease, const std::vector<Artifact>& artifacts) {
  forget_artifacts(db, lease.run);
  for (const Artifact& artifact : artifacts) {
    db.execute(R"sql(
        INSERT INTO run_artifacts (run_id, path, bytes, lease_token, fault)
        VALUES (:run, :path, :bytes, :token, :fault))sql",
               {{"run", lease.run},
                {"path", artifact.path},
                {"bytes", artifact.bytes},
                {"token", lease.token},
                {"fault", artifact.fault}});
  }
}

std::vector<Artifact> list_artifacts(db::Session& db, const OrganizationKey& organization,
                                     const RunId& run) {
  return db.all(ARTIFACTS_OF R"sql( ORDER BY a.path /* pg: COLLATE "C" */)sql", to_artifact,
                {{"organization", organization}, {"run", run}});
}

std::optional<Artifact> find_artifact(db::Session& db, const OrganizationKey& organization,
                                      const RunId& run, std::string_view path) {
  return db.one(ARTIFACTS_OF " AND a.path = :path", to_artifact,
                {{"organization", organization}, {"run", run}, {"path", path}});
}

std::vector<RunId> list_runs_with_old_artifacts(db::Session& db,
                                                const OrganizationKey& organization, Instant before,
                                                int limit) {
  return db.all(R"sql(
      SELECT r.id FROM runs r
      WHERE r.organization_key = :organization AND r.ended_at < :before
        AND EXISTS (SELECT 1 FROM run_artifacts a WHERE a.run_id = r.id)
      ORDER BY r.ended_at LIMIT :limit)sql",
                [](const db::Row& row) { return row.get<RunId>(0); },
                {{"organization", organization}, {"before", before}, {"limit", limit}});
}

void forget_artifacts(db::Session& db, const RunId& run) {
  db.execute("DELETE FROM run_artifacts WHERE run_id = :run", {{"run", run}});
}

}  // namespace cupola::store
