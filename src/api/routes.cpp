#include <iterator>

#include "api/cloud/handlers.h"
#include "api/handlers.h"
#include "api/route.h"

namespace cupola::api {
namespace {

using enum http::Method;
using enum Access;
using enum Limits;

#define PROJECT "/api/v1/projects/{project}"
#define DEPLOYMENT PROJECT "/deployments/{deployment}"
#define SCHEDULE DEPLOYMENT "/schedules/{schedule}"
#define BACKFILL DEPLOYMENT "/backfills/{backfill}"
#define STATE PROJECT "/states/{state_id}"
#define NOTIFICATION "/api/v1/notifications/{notification}"

constexpr Route table[] = {
    {get, "/healthz", anyone, show_health, "", "ask whether the server answers"},
    {get, "/readyz", anyone, show_readiness, "", "ask whether the database answers"},
    {get, "/api/v1/whoami", viewer, show_caller, "", "see who one is", filtered},

    {get, "/api/v1/projects", viewer, list_projects, "limit cursor", "list projects", filtered},
    {post, "/api/v1/projects", maintainer, create_project, "", "register a project"},
    {get, PROJECT, viewer, show_project, "", "see a project", filtered},
    {patch, PROJECT, maintainer, change_project, "", "rename or move a project"},
    {get, PROJECT "/plan", operator_, plan_project, "environment revision",
     "see what a new deployment would be"},
    {get, PROJECT "/deletion", owner, foresee_project_deletion, "",
     "see what deleting a project takes away"},
    {delete_, PROJECT, owner, delete_project, "", "delete a project"},

    {get, "/api/v1/deployments", viewer, list_all_deployments, "project deleted limit cursor",
     "list deployments", filtered},
    {get, PROJECT "/deployments", viewer, list_deployments, "deleted limit cursor",
     "list a project's deployments", filtered},
    {post, PROJECT "/deployments", maintainer, create_deployment, "", "create a deployment"},
    {get, DEPLOYMENT, viewer, show_deployment, "", "see a deployment"},
    {patch, DEPLOYMENT, maintainer, rename_deployment, "", "rename a deployment"},
    {get, DEPLOYMENT "/deletion", maintainer, foresee_deployment_deletion, "",
     "see what deleting a deployment takes away"},
    {delete_, DEPLOYMENT, maintainer, delete_deployment, "", "delete a deployment"},
    {post, DEPLOYMENT "/update", maintainer, update_deployment, "", "deploy the newest commit"},
    {get, DEPLOYMENT "/plan", operator_, plan_deployment, "environment revision refresh_plugins",
     "see what an update would change"},
    {post, DEPLOYMENT "/rollback", maintainer, roll_back_deployment, "",
     "go back to an earlier release"},
    {get, DEPLOYMENT "/releases", viewer, list_releases, "limit", "list releases"},
    {get, DEPLOYMENT "/releases/{number}", viewer, show_release, "", "see a release"},
    {get, DEPLOYMENT "/releases/{number}/log", viewer, show_release_log, "from",
     "read a deploy's log"},

    {get, "/api/v1/schedules", viewer, list_all_schedules, "project deployment limit cursor",
     "list schedules", filtered},
    {get, DEPLOYMENT "/schedules", viewer, list_schedules, "limit cursor",
     "list a deployment's schedules"},
    {get, SCHEDULE, viewer, show_schedule, "", "see a schedule"},
    {patch, SCHEDULE, maintainer, change_schedule, "", "change a schedule's settings"},
    {post, SCHEDULE "/enable", operator_, enable_schedule, "", "switch a schedule on"},
    {post, SCHEDULE "/disable", operator_, disable_schedule, "", "switch a schedule off"},
    {get, SCHEDULE "/fires", viewer, list_fires, "limit", "list a schedule's fires"},

    {post, SCHEDULE "/backfills", operator_, start_backfill, "", "start a backfill"},
    {get, DEPLOYMENT "/backfills", viewer, list_backfills, "limit cursor", "list backfills"},
    {get, BACKFILL, viewer, show_backfill, "", "see a backfill"},
    {post, BACKFILL "/stop", operator_, stop_backfill, "", "stop a backfill"},

    {post, DEPLOYMENT "/runs", operator_, start_run, "", "start a run"},
    {get, "/api/v1/runs", viewer, list_runs,
     "project deployment schedule status since until limit cursor", "list runs", filtered},
    {get, "/api/v1/runs/{run}", viewer, show_run, "", "see a run"},
    {post, "/api/v1/runs/{run}/stop", operator_, stop_run, "", "stop a run"},
    {get, "/api/v1/runs/{run}/log", viewer, show_run_log, "from limit raw", "read a run's log"},

    {get, "/api/v1/runs/{run}/artifacts", viewer, list_artifacts, "", "list files that a run kept"},
    {get, "/api/v1/runs/{run}/artifacts/{path}", viewer, download_artifact, "",
     "read a file that a run kept"},

    {get, PROJECT "/states", viewer, list_states, "limit cursor", "list states"},
    {get, STATE, viewer, show_state, "", "see a state"},
    {put, STATE, operator_, set_state, "", "set a state"},
    {delete_, STATE, operator_, delete_state, "", "delete a state"},
    {get, STATE "/versions", viewer, list_state_versions, "limit", "list a state's versions"},
    {get, STATE "/versions/{version}", viewer, show_state_version, "", "see a version of a state"},
    {post, STATE "/restore", operator_, restore_state, "", "restore a version of a state"},

    {get, STATE "/diff", viewer, show_state_diff, "from to", "compare versions of a state"},
    {post, STATE "/forget", operator_, forget_streams, "", "forget streams of a state"},
    {post, PROJECT "/states/import", operator_, import_states, "", "bring states along"},

    {get, PROJECT "/secrets", maintainer, list_secrets, "", "list the names of secrets"},
    {get, PROJECT "/secrets/{name}", maintainer, show_secret, "deployment",
     "see a variable (a secret's value is never shown)"},
    {post, PROJECT "/secrets/import", maintainer, import_secrets, "deployment",
     "set secrets from a .env file"},
    {put, PROJECT "/secrets/{name}", maintainer, set_secret, "deployment", "set a secret"},
    {delete_, PROJECT "/secrets/{name}", maintainer, delete_secret, "deployment",
     "delete a secret"},

    {get, "/api/v1/organization", owner, show_organization, "", "see the organization's details"},
    {patch, "/api/v1/organization", owner, change_organization, "",
     "change the organization's name and where bills go"},
    {get, "/api/v1/retention", owner, show_retention, "", "see how long what is kept"},
    {patch, "/api/v1/retention", owner, change_retention, "", "change how long what is kept"},
    {get, "/api/v1/retention/preview", owner, preview_retention,
     "logs runs state_versions deliveries audit", "see what would be removed"},
    {get, "/api/v1/members", viewer, list_members, "limit cursor", "list members"},
    {get, "/api/v1/members/{login}", viewer, show_member, "", "see a member"},
    {patch, "/api/v1/members/{login}", owner, change_member, "", "change a member's role"},
    {delete_, "/api/v1/members/{login}", owner, remove_member, "", "remove a member"},

    {get, "/api/v1/invitations", owner, list_invitations, "limit cursor", "list invitations"},
    {post, "/api/v1/invitations", owner, create_invitation, "", "invite somebody"},
    {delete_, "/api/v1/invitations/{invitation}", owner, revoke_invitation, "",
     "revoke an invitation"},
    {get, "/invitations/{link}", anyone, show_open_invitation, "", "open an invitation's link"},
    {post, "/api/v1/invitations/accept", anyone, accept_invitation, "", "accept an invitation"},

    {get, "/api/v1/service-accounts", owner, list_service_accounts, "limit cursor",
     "list service accounts"},
    {post, "/api/v1/service-accounts", owner, create_service_account, "",
     "create a service account"},
    {patch, "/api/v1/service-accounts/{service_account}", owner, change_service_account, "",
     "change a service account's role"},
    {delete_, "/api/v1/service-accounts/{service_account}", owner, delete_service_account, "",
     "delete a service account"},

    {get, "/api/v1/tokens", viewer, list_tokens, "login service_account limit cursor",
     "list one's tokens (owners: all)"},
    {post, "/api/v1/tokens", viewer, create_token, "",
     "create a token for oneself (owners: for a service account)"},
    {delete_, "/api/v1/tokens/{token}", viewer, revoke_token, "",
     "revoke one's token (owners: any)"},

    {get, "/api/v1/audit", owner, list_audit, "actor action kind since until limit cursor",
     "read the audit log"},

    {get, "/api/v1/credits", viewer, show_credits, "", "see the balance of credits"},
    {patch, "/api/v1/credits", owner, change_credits, "",
     "set when a low balance is told, and whether nothing starts at zero"},
    {get, "/api/v1/credits/entries", owner, list_credit_entries, "limit cursor",
     "list purchases and corrections"},
    {post, "/api/v1/credits/entries", owner, add_credit_entry, "",
     "enter a purchase or a correction"},
    {get, "/api/v1/usage", viewer, list_usage,
     "by month since until project deployment schedule limit cursor", "see what was used",
     filtered},
    {get, "/api/v1/uptime", viewer, list_uptime, "month project deployment limit cursor",
     "see which ticks were missed", filtered},

    {get, "/api/v1/heartbeat", maintainer, show_heartbeat, "",
     "see what is pinged while the scheduler lives"},
    {put, "/api/v1/heartbeat", maintainer, set_heartbeat, "",
     "set what is pinged while the scheduler lives"},
    {delete_, "/api/v1/heartbeat", maintainer, clear_heartbeat, "", "have nothing pinged"},
    {get, "/api/v1/notifications", viewer, list_notifications, "project deployment limit cursor",
     "list notifications"},
    {post, "/api/v1/notifications", maintainer, set_notification, "", "set a notification"},
    {get, NOTIFICATION, viewer, show_notification, "", "see a notification"},
    {patch, NOTIFICATION, maintainer, change_notification, "", "change a notification"},
    {delete_, NOTIFICATION, maintainer, delete_notification, "", "delete a notification"},
    {post, NOTIFICATION "/test", maintainer, test_notification, "", "send a test message"},
    {get, NOTIFICATION "/deliveries", viewer, list_deliveries, "limit cursor",
     "list what was told"},
    {get, NOTIFICATION "/deliveries/{delivery}", viewer, show_delivery, "", "see one delivery"},
    {post, NOTIFICATION "/deliveries/{delivery}/replay", maintainer, replay_delivery, "",
     "send a message anew"},
};

#undef PROJECT
#undef DEPLOYMENT
#undef SCHEDULE
#undef BACKFILL
#undef STATE
#undef NOTIFICATION

}  // namespace

std::span<const Route> routes() {
  static const std::vector<Route> all = [] {
    std::vector<Route> joined(std::begin(table), std::end(table));
    const auto cloud = cloud::routes();
    joined.insert(joined.end(), cloud.begin(), cloud.end());
    return joined;
  }();
  return all;
}

}  // namespace cupola::api
