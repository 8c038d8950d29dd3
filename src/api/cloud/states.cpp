#include "store/states.h"

#include "api/cloud/handlers.h"
#include "api/cloud/inner.h"
#include "api/cloud/prepared.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/state_payload.h"
#include "base/text.h"
#include "http/form.h"

namespace cupola::api::cloud {
namespace {

constexpr int states_at_once = 1000;

/// The payload of the present version. Errors: not_found.
Result<http::Reply> content_of(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto project = project_of(call, db);
    if (!project) return project.error();
    const std::string& state_id = call.in_path("state_id");
    const auto state = store::find_state(db, call.organization(), project->key, state_id);
    if (state) return http::Reply{.body = state->payload};
    return Error{Error::Kind::not_found, "There is no state " + cupola::quoted(state_id) + "."};
  });
}

/// The CLI puts a bare Singer state under "complete", where Meltano has "completed".
json::value with_meltanos_word(json::value state) {
  if (!state.is_object()) return state;
  json::object& object = state.get_object();
  const json::value* complete = object.if_contains("complete");
  if (complete == nullptr || !complete->is_object() || object.contains("completed")) return state;
  json::value moved = *complete;
  object.erase("complete");
  object["completed"] = std::move(moved);
  return state;
}

}  // namespace

/// GET gives a plain array of state ids.
Result<http::Reply> list_states(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto project = project_of(call, db);
    if (!project) return project.error();
    json::array ids;
    std::string after;
    for (bool more = true; more;) {
      const auto some =
          store::list_states(db, call.organization(), project->key, after, states_at_once);
      for (const store::StateVersion& state : some) ids.emplace_back(json_text(state.state_id));
      more = some.size() == static_cast<std::size_t>(states_at_once);
      if (more) after = some.back().state_id;
    }
    return json_reply(200, ids);
  });
}

/// GET gives a URL, which gives the state itself, once. The URL is given also where there is no
/// state: only of its answer the CLI takes a 404 for that.
Result<http::Reply> show_state(const Call& call) {
  if (is_prepared(call)) return content_of(call);
  const auto url = prepared_url(call, http::Method::get);
  if (!url) return url.error();
  return json_reply(200, json::string(*url));
}

/// PUT gives where to post the state to. The CLI does not look at what is answered there, so what
/// can be refused is refused here.
Result<http::Reply> prepare_state(const Call& call) {
  const std::string& state_id = call.in_path("state_id");
  if (const auto checked = check_state_id(state_id); !checked) return checked.error();
  const auto free = call.context.database.read([&](db::Session& db) -> Result<void> {
    const auto project = project_of(call, db);
    if (!project) return project.error();
    return store::check_free(db, project->key, state_id);
  });
  if (!free) return free.error();
  const auto url = prepared_url(call, http::Method::post);
  if (!url) return url.error();
  return json_reply(200, {{"url", *url}, {"fields", json::object()}});
}

/// POST takes the state as the file of a form: 204.
Result<http::Reply> set_state(const Call& call) {
  if (const auto checked = check_prepared(call); !checked) return checked.error();
  const std::string* type = call.request.header("content-type");
  const auto file = http::part_of_form(type == nullptr ? "" : *type, call.request.body, "file");
  if (!file) return Error{Error::Kind::invalid, "The body must be a form with a part \"file\"."};
  const Result<json::value> state = parse_json(*file);
  if (!state) return state.error();
  const auto set = api::set_state(Inner(call, json::serialize(with_meltanos_word(*state))).call());
  if (!set) return set.error();
  return http::Reply{.status = 204};
}

Result<http::Reply> delete_state(const Call& call) {
  return api::delete_state(Inner(call).call());
}

}  // namespace cupola::api::cloud
