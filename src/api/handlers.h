#pragma once

/// The handlers that the routes table names; one file for each resource. Private.

#include "api/route.h"

namespace cupola::api {

// health.cpp
Result<http::Reply> show_health(const Call& call);
Result<http::Reply> show_readiness(const Call& call);
Result<http::Reply> show_caller(const Call& call);

// projects.cpp
Result<http::Reply> list_projects(const Call& call);
Result<http::Reply> create_project(const Call& call);
Result<http::Reply> show_project(const Call& call);
Result<http::Reply> change_project(const Call& call);

// deployments.cpp
Result<http::Reply> list_all_deployments(const Call& call);
Result<http::Reply> list_deployments(const Call& call);
Result<http::Reply> create_deployment(const Call& call);
Result<http::Reply> show_deployment(const Call& call);
Result<http::Reply> rename_deployment(const Call& call);

// deletions.cpp
Result<http::Reply> foresee_project_deletion(const Call& call);
Result<http::Reply> delete_project(const Call& call);
Result<http::Reply> foresee_deployment_deletion(const Call& call);
Result<http::Reply> delete_deployment(const Call& call);

// plans.cpp
Result<http::Reply> plan_project(const Call& call);
Result<http::Reply> plan_deployment(const Call& call);

// releases.cpp
Result<http::Reply> update_deployment(const Call& call);
Result<http::Reply> roll_back_deployment(const Call& call);
Result<http::Reply> list_releases(const Call& call);
Result<http::Reply> show_release(const Call& call);

// release_log.cpp
Result<http::Reply> show_release_log(const Call& call);

// schedules.cpp
Result<http::Reply> list_all_schedules(const Call& call);
Result<http::Reply> list_schedules(const Call& call);
Result<http::Reply> show_schedule(const Call& call);
Result<http::Reply> change_schedule(const Call& call);
Result<http::Reply> enable_schedule(const Call& call);
Result<http::Reply> disable_schedule(const Call& call);
Result<http::Reply> start_backfill(const Call& call);
Result<http::Reply> list_backfills(const Call& call);
Result<http::Reply> show_backfill(const Call& call);
Result<http::Reply> stop_backfill(const Call& call);
Result<http::Reply> list_fires(const Call& call);

// start_run.cpp
Result<http::Reply> start_run(const Call& call);

// runs.cpp
Result<http::Reply> list_runs(const Call& call);
Result<http::Reply> show_run(const Call& call);
Result<http::Reply> stop_run(const Call& call);

// artifacts.cpp
Result<http::Reply> list_artifacts(const Call& call);
Result<http::Reply> download_artifact(const Call& call);

// run_log.cpp
Result<http::Reply> show_run_log(const Call& call);

// states.cpp
Result<http::Reply> list_states(const Call& call);
Result<http::Reply> show_state(const Call& call);
Result<http::Reply> set_state(const Call& call);
Result<http::Reply> delete_state(const Call& call);
Result<http::Reply> list_state_versions(const Call& call);
Result<http::Reply> show_state_version(const Call& call);
Result<http::Reply> restore_state(const Call& call);

// state_edit.cpp
Result<http::Reply> show_state_diff(const Call& call);
Result<http::Reply> forget_streams(const Call& call);

// state_import.cpp
Result<http::Reply> import_states(const Call& call);

// secrets.cpp
Result<http::Reply> list_secrets(const Call& call);
Result<http::Reply> show_secret(const Call& call);
Result<http::Reply> set_secret(const Call& call);
Result<http::Reply> delete_secret(const Call& call);

// secret_import.cpp
Result<http::Reply> import_secrets(const Call& call);

// organization.cpp
Result<http::Reply> show_organization(const Call& call);
Result<http::Reply> change_organization(const Call& call);

// retention.cpp
Result<http::Reply> show_retention(const Call& call);
Result<http::Reply> change_retention(const Call& call);
Result<http::Reply> preview_retention(const Call& call);

// members.cpp
Result<http::Reply> list_members(const Call& call);
Result<http::Reply> show_member(const Call& call);
Result<http::Reply> change_member(const Call& call);
Result<http::Reply> remove_member(const Call& call);

// invitations.cpp
Result<http::Reply> list_invitations(const Call& call);
Result<http::Reply> create_invitation(const Call& call);
Result<http::Reply> revoke_invitation(const Call& call);

// accept_invitation.cpp
Result<http::Reply> show_open_invitation(const Call& call);
Result<http::Reply> accept_invitation(const Call& call);

// heartbeat.cpp
Result<http::Reply> show_heartbeat(const Call& call);
Result<http::Reply> set_heartbeat(const Call& call);
Result<http::Reply> clear_heartbeat(const Call& call);

// service_accounts.cpp
Result<http::Reply> list_service_accounts(const Call& call);
Result<http::Reply> create_service_account(const Call& call);
Result<http::Reply> change_service_account(const Call& call);
Result<http::Reply> delete_service_account(const Call& call);

// tokens.cpp
Result<http::Reply> list_tokens(const Call& call);
Result<http::Reply> create_token(const Call& call);
Result<http::Reply> revoke_token(const Call& call);

// audit_log.cpp
Result<http::Reply> list_audit(const Call& call);

// credits.cpp
Result<http::Reply> show_credits(const Call& call);
Result<http::Reply> change_credits(const Call& call);
Result<http::Reply> list_credit_entries(const Call& call);
Result<http::Reply> add_credit_entry(const Call& call);

// usage.cpp
Result<http::Reply> list_usage(const Call& call);

// uptime.cpp
Result<http::Reply> list_uptime(const Call& call);

// notifications.cpp
Result<http::Reply> list_notifications(const Call& call);
Result<http::Reply> set_notification(const Call& call);
Result<http::Reply> show_notification(const Call& call);
Result<http::Reply> change_notification(const Call& call);
Result<http::Reply> delete_notification(const Call& call);

// deliveries.cpp
Result<http::Reply> test_notification(const Call& call);
Result<http::Reply> list_deliveries(const Call& call);
Result<http::Reply> show_delivery(const Call& call);
Result<http::Reply> replay_delivery(const Call& call);

}  // namespace cupola::api
