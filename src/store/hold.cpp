#include "store/hold.h"

namespace cupola::store {
namespace {

void hold_row(db::Session& db, std::string_view sql, const std::string& key) {
  db.each(sql, {{"key", key}}, [](const db::Row&) { return true; });
}

}  // namespace

void hold(db::Session& db, const OrganizationKey& organization) {
  hold_row(db, "SELECT key FROM organizations WHERE key = :key /* pg: FOR UPDATE */",
           organization.text());
}

void hold(db::Session& db, const ProjectKey& project) {
  hold_row(db, "SELECT key FROM projects WHERE key = :key /* pg: FOR UPDATE */", project.text());
}

void hold(db::Session& db, const DeploymentKey& deployment) {
  hold_row(db, "SELECT key FROM deployments WHERE key = :key /* pg: FOR UPDATE */",
           deployment.text());
}

void hold(db::Session& db, const ScheduleKey& schedule) {
  hold_row(db, "SELECT key FROM schedules WHERE key = :key /* pg: FOR UPDATE */", schedule.text());
}

void hold_schedules_of(db::Session& db, const DeploymentKey& deployment) {
  hold_row(db,
           "SELECT key FROM schedules WHERE deployment_key = :key ORDER BY key"
           " /* pg: FOR UPDATE */",
           deployment.text());
}

}  // namespace cupola::store
