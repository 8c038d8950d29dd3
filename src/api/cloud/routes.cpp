#include "api/cloud/handlers.h"

namespace cupola::api::cloud {
namespace {

using enum http::Method;
using enum Access;

constexpr Route of_cloud(http::Method method, std::string_view path, Access access, Handler handler,
                         std::string_view query, std::string_view action,
                         Limits limits = Limits::by_path) {
  return {method, path, access, handler, query, action, limits, Contract::cloud};
}

#define PAGED "page_size page_token"
#define IN_PROJECT "/v1/{organization}/{project}"
#define DEPLOYMENTS "/deployments" IN_PROJECT
#define SCHEDULES "/schedules" IN_PROJECT
#define STATES "/state" IN_PROJECT
#define NOTIFICATION "/notifications/v1/{organization}/{recipient_hash}/notification"

constexpr Route table[] = {
    {get, "/oauth2/authorize", anyone, show_sign_in,
     "client_id response_type scope redirect_uri state", "open the cloud CLI's sign-in page"},
    {post, "/oauth2/authorize", anyone, sign_in, "", "sign in for the cloud CLI"},
    {post, "/oauth2/consent", anyone, consent, "", "give the cloud CLI what it asks for"},
    {get, "/oauth2/userInfo", anyone, show_user, "",
     "ask whether a sign-in of the cloud CLI holds"},
    {get, "/logout", anyone, sign_out, "client_id logout_uri", "sign out of the cloud CLI"},

    of_cloud(get, "/projects/v1/{organization}", viewer, list_projects,
             PAGED " project_id project_name", "list projects", Limits::filtered),
    of_cloud(post, "/projects/v1/{organization}", viewer, prepare_project, "",
             "ask how to register a project", Limits::filtered),
    of_cloud(post, "/projects/v1/{organization}/prepared", maintainer, create_project, "ticket",
             "register a project"),

    of_cloud(get, DEPLOYMENTS, viewer, list_deployments, PAGED, "list deployments",
             Limits::filtered),
    of_cloud(get, DEPLOYMENTS "/{deployment}", viewer, show_deployment, "", "see a deployment"),
    of_cloud(post, DEPLOYMENTS "/{deployment}", maintainer, deploy,
             "force preserve_git_hash ticket", "create or update a deployment",
             Limits::by_path_or_new),
    of_cloud(delete_, DEPLOYMENTS "/{deployment}", maintainer, delete_deployment, "ticket",
             "delete a deployment"),

    of_cloud(get, SCHEDULES, viewer, list_schedules, PAGED, "list schedules", Limits::filtered),
    of_cloud(get, SCHEDULES "/{deployment}", viewer, list_schedules_of, PAGED,
             "list a deployment's schedules"),
    of_cloud(get, SCHEDULES "/{deployment}/{schedule}", viewer, show_schedule, "",
             "see a schedule"),
    of_cloud(put, SCHEDULES "/{deployment}/{schedule}/enabled", operator_, switch_schedule, "",
             "switch a schedule"),

    of_cloud(post, "/run/v1/external/{organization}/{project}/{deployment}/{schedule}", operator_,
             start_run, "", "start a run"),
    of_cloud(get, "/jobs" IN_PROJECT, viewer, list_jobs,
             PAGED " schedule deployment result start_time", "list runs", Limits::filtered),
    of_cloud(delete_, "/jobs" IN_PROJECT "/{run}", operator_, stop_job, "", "stop a run"),
    of_cloud(get, "/logs" IN_PROJECT "/tail/{run}", viewer, show_log, PAGED, "read a run's log"),
    of_cloud(get, "/logs" IN_PROJECT "/{run}", viewer, stream_log, "", "follow a run's log"),

    of_cloud(get, "/secrets" IN_PROJECT "/", maintainer, list_secrets, PAGED,
             "list the names of secrets"),
    of_cloud(put, "/secrets" IN_PROJECT "/", maintainer, set_secret, "", "set a secret"),
    of_cloud(delete_, "/secrets" IN_PROJECT "/{name}", maintainer, delete_secret, "",
             "delete a secret"),

    of_cloud(get, "/notifications/v1/{organization}/notifications", viewer, list_notifications,
             "entity_id", "list notifications"),
    of_cloud(post, NOTIFICATION, maintainer, set_notification, "entity_id", "set a notification"),
    of_cloud(patch, NOTIFICATION, maintainer, change_notification, "entity_id",
             "change a notification"),
    of_cloud(delete_, NOTIFICATION, maintainer, delete_notification, "entity_id",
             "delete a notification"),

    of_cloud(get, STATES, viewer, list_states, "", "list states"),
    of_cloud(get, STATES "/{state_id}", viewer, show_state, "ticket", "see a state"),
    of_cloud(put, STATES "/{state_id}", operator_, prepare_state, "", "ask where to send a state"),
    of_cloud(post, STATES "/{state_id}", operator_, set_state, "ticket", "set a state"),
    of_cloud(delete_, STATES "/{state_id}", operator_, delete_state, "", "delete a state"),
};

#undef PAGED
#undef IN_PROJECT
#undef DEPLOYMENTS
#undef SCHEDULES
#undef STATES
#undef NOTIFICATION

}  // namespace

std::span<const Route> routes() {
  return table;
}

}  // namespace cupola::api::cloud
