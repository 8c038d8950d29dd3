#include "store/schedules.h"

#include "api/cloud/handlers.h"
#include "api/cloud/inner.h"
#include "api/cloud/objects.h"
#include "api/cloud/paging.h"
#include "api/cloud/place.h"
#include "api/found_schedule.h"
#include "api/handlers.h"

namespace cupola::api::cloud {
namespace {

constexpr std::string_view list = "schedules";
constexpr int most_schedules = 10'000;

void add_schedules(const Call& call, db::Session& db, const store::Deployment& deployment,
                   std::vector<Item>& items) {
  for (const store::Schedule& schedule : store::list_schedules(
           db, call.organization(), deployment.project, deployment.key, "", most_schedules)) {
    items.push_back({deployment.slug + "/" + schedule.name, schedule_object(schedule, deployment)});
  }
}

}  // namespace

Result<http::Reply> list_schedules(const Call& call) {
  std::vector<Item> items;
  const auto found = call.context.database.read([&](db::Session& db) -> Result<void> {
    const auto live = live_deployments_of(call, db);
    if (!live) return live.error();
    for (const auto& [deployment, release] : *live) add_schedules(call, db, deployment, items);
    return {};
  });
  if (!found) return found.error();
  return page_of_all(call, list, std::move(items));
}

Result<http::Reply> list_schedules_of(const Call& call) {
  std::vector<Item> items;
  const auto found = call.context.database.read([&](db::Session& db) -> Result<void> {
    const auto live = live_deployment_of(call, db);
    if (!live) return live.error();
    add_schedules(call, db, live->deployment, items);
    return {};
  });
  if (!found) return found.error();
  return page_of_all(call, list, std::move(items));
}

Result<http::Reply> show_schedule(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto found = schedule_of(call, db);
    if (!found) return found.error();
    return json_reply(200, schedule_object(found->schedule, found->place.deployment));
  });
}

/// PUT with true or false: 204.
Result<http::Reply> switch_schedule(const Call& call) {
  const Result<json::value> wanted = parse_json(call.request.body);
  if (!wanted || !wanted->is_bool()) {
    return Error{Error::Kind::invalid, "The body must be true or false."};
  }
  const Inner inner(call);
  const Result<http::Reply> done =
      wanted->get_bool() ? enable_schedule(inner.call()) : disable_schedule(inner.call());
  if (!done) return done.error();
  return http::Reply{.status = 204};
}

}  // namespace cupola::api::cloud
