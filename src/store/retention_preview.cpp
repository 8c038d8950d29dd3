#include "store/retention_preview.h"

#include <fmt/format.h>

namespace cupola::store {
namespace {

/// One kind of thing: `rows` is FROM … WHERE … of what goes, `name` and `at` are columns of it.
struct Kind {
  std::string_view what, name, at, rows;
};

// The same conditions as those by which upkeep removes; a test holds them together.
constexpr Kind logs{
    "logs", "id", "ended_at",
    "FROM runs WHERE organization_key = :organization AND log_kept = 1 AND ended_at < :before"};
constexpr Kind runs{"runs", "id", "ended_at",
                    "FROM runs WHERE organization_key = :organization AND ended_at IS NOT NULL"
                    " AND ended_at < :before"};
constexpr Kind artifacts{
    "artifacts", "a.path || ' of ' || r.id", "r.ended_at",
    "FROM run_artifacts a JOIN runs r ON r.id = a.run_id"
    " WHERE r.organization_key = :organization AND r.ended_at < :before AND a.fault IS NULL"};
constexpr Kind fires{"fires", "s.name", "f.nominal",
                     "FROM fires f JOIN schedules s ON s.key = f.schedule_key"
                     " WHERE s.organization_key = :organization AND f.nominal < :before"};
constexpr Kind backfills{
    "backfills", "b.schedule_name || ' ' || b.number", "b.ended_at",
    "FROM backfills b WHERE b.organization_key = :organization AND b.ended_at < :before"
    " AND NOT EXISTS (SELECT 1 FROM backfill_intervals i"
    " WHERE i.backfill_key = b.key AND i.status = 'open')"};
constexpr Kind deleted{
    "deleted", "d.name", "d.deleted_at",
    "FROM deployments d WHERE d.organization_key = :organization AND d.deleted_at < :before"
    " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.organization_key = d.organization_key"
    " AND r.deployment_key = d.key AND (r.ended_at IS NULL OR r.ended_at >= :before))"};
constexpr Kind deliveries{
    "deliveries", "id", "created_at",
    "FROM notification_events WHERE organization_key = :organization AND created_at < :before"
    " AND handled = 1 AND NOT EXISTS (SELECT 1 FROM notification_deliveries m"
    " WHERE m.event_id = notification_events.id AND m.status = 'waiting')"
    " AND NOT EXISTS (SELECT 1 FROM notification_deliveries m JOIN notification_deliveries g"
    " ON g.id = m.gathered_in WHERE m.event_id = notification_events.id"
    " AND g.status = 'waiting')"};
constexpr Kind audit{"audit", "action", "at",
                     "FROM audit WHERE organization_key = :organization AND at < :before"};
constexpr Kind versions{
    "state_versions", "state_id || ' version ' || version", "updated_at",
    "FROM states WHERE organization_key = :organization AND final = 1 AND version <= ("
    "SELECT max(n.version) FROM states n WHERE n.project_key = states.project_key"
    " AND n.state_id = states.state_id) - :keep"};

WouldGo look(db::Session& db, const Kind& kind, const db::Params& params,
             const std::optional<Instant>& before) {
  WouldGo gone{.what = std::string(kind.what), .before = before, .examples = {}};
  gone.count = db.one(
                     fmt::format("SELECT count(*) {}", kind.rows),
                     [](const db::Row& row) { return row.get<std::int64_t>(0); }, params)
                   .value_or(0);
  gone.examples = db.all(
      fmt::format("SELECT {}, {} {} ORDER BY {} LIMIT 5", kind.name, kind.at, kind.rows, kind.at),
      [](const db::Row& row) {
        return WouldGo::Example{.name = row.get<std::string>(0), .at = row.get<Instant>(1)};
      },
      params);
  return gone;
}

}  // namespace

std::vector<WouldGo> preview_retention(db::Session& db, const OrganizationKey& organization,
                                       const Retention& kept, Instant now) {
  const auto old = [&](const Kind& kind, std::chrono::milliseconds span) {
    const Instant before = now - span;
    return look(db, kind, {{"organization", organization}, {"before", before}}, before);
  };
  std::vector<WouldGo> all{
      old(logs, std::min(kept.logs, kept.runs)),
      old(runs, kept.runs),
      old(artifacts, kept.runs),
      old(fires, kept.runs),
      old(backfills, kept.runs),
      old(deleted, kept.runs),
      look(db, versions, {{"organization", organization}, {"keep", kept.state_versions}},
           std::nullopt),
      old(deliveries, kept.deliveries)};
  all.push_back(kept.audit ? old(audit, *kept.audit) : WouldGo{.what = "audit"});
  return all;
}

}  // namespace cupola::store
