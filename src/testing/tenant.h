#pragma once

/// An organization with a project and a deployment, for tests that need somebody's rows.

#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "store/deployments.h"
#include "store/organizations.h"
#include "store/projects.h"
#include "store/release_content.h"
#include "store/runs.h"
#include "store/schedules.h"

namespace cupola::testing {

struct Tenant {
  store::Organization organization;
  store::Project project;
  store::Deployment deployment;
};

/// All three are named after `name`; the deployment has no release yet.
Tenant add_tenant(db::Session& db, std::string_view name, Instant now);

/// A release with that content, live. Its schedules are the caller's to make.
ReleaseKey switch_to(db::Session& db, const Tenant& tenant, const store::ReleaseContent& content,
                     Instant now, std::string_view plan = "{}");

/// Builds and switches a release live, with these schedules (all with the offset 0, off).
store::Release add_live_release(db::Session& db, const Tenant& tenant,
                                const std::vector<store::ReleasedSchedule>& schedules, Instant now);

/// A manual run of the tenant's deployment, due at once. Change it and hand it to store::add_run.
store::NewRun new_run(const Tenant& tenant, Instant due_at);

}  // namespace cupola::testing
