#pragma once

/// Holding a row until the transaction ends: what is read of it after that is what will be changed.
/// For writes that look first. On SQLite a write has the whole file to itself anyway.

#include "base/id.h"
#include "db/database.h"

namespace cupola::store {

void hold(db::Session& db, const OrganizationKey& organization);
void hold(db::Session& db, const ProjectKey& project);
void hold(db::Session& db, const DeploymentKey& deployment);
void hold(db::Session& db, const ScheduleKey& schedule);
/// All schedules of the deployment.
void hold_schedules_of(db::Session& db, const DeploymentKey& deployment);

}  // namespace cupola::store
