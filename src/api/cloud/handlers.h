#pragma once

/// The routes of the cloud CLI and their handlers; one file for each resource. What they answer is
/// that CLI's contract (docs/design/cloud-cli.md). Private.

#include <span>

#include "api/route.h"

namespace cupola::api::cloud {

/// All of them, with roles as in our own table.
std::span<const Route> routes();

// projects.cpp
Result<http::Reply> list_projects(const Call& call);
Result<http::Reply> prepare_project(const Call& call);
Result<http::Reply> create_project(const Call& call);

// deployments.cpp
Result<http::Reply> list_deployments(const Call& call);
Result<http::Reply> show_deployment(const Call& call);
Result<http::Reply> delete_deployment(const Call& call);

// deploy.cpp
Result<http::Reply> deploy(const Call& call);

// schedules.cpp
Result<http::Reply> list_schedules(const Call& call);
Result<http::Reply> list_schedules_of(const Call& call);
Result<http::Reply> show_schedule(const Call& call);
Result<http::Reply> switch_schedule(const Call& call);

// jobs.cpp
Result<http::Reply> start_run(const Call& call);
Result<http::Reply> list_jobs(const Call& call);
Result<http::Reply> stop_job(const Call& call);

// logs.cpp
Result<http::Reply> show_log(const Call& call);
Result<http::Reply> stream_log(const Call& call);

// secrets.cpp
Result<http::Reply> list_secrets(const Call& call);
Result<http::Reply> set_secret(const Call& call);
Result<http::Reply> delete_secret(const Call& call);

// notifications.cpp
Result<http::Reply> list_notifications(const Call& call);
Result<http::Reply> set_notification(const Call& call);
Result<http::Reply> change_notification(const Call& call);
Result<http::Reply> delete_notification(const Call& call);

// states.cpp
Result<http::Reply> list_states(const Call& call);
Result<http::Reply> show_state(const Call& call);
Result<http::Reply> prepare_state(const Call& call);
Result<http::Reply> set_state(const Call& call);
Result<http::Reply> delete_state(const Call& call);

// sign_in.cpp
Result<http::Reply> show_sign_in(const Call& call);
Result<http::Reply> sign_in(const Call& call);
// consent.cpp
Result<http::Reply> consent(const Call& call);
// session.cpp
Result<http::Reply> show_user(const Call& call);
Result<http::Reply> sign_out(const Call& call);

}  // namespace cupola::api::cloud
