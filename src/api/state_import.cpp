#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "api/audit.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/state_payload.h"
#include "base/text.h"
#include "store/states.h"

namespace cupola::api {
namespace {

constexpr std::size_t most_states = 10'000;

struct Wanted {
  std::string state_id;
  std::string payload;
};

Result<std::vector<Wanted>> wanted_of(const json::value& list) {
  const Error no_list{Error::Kind::invalid,
                      "`states` is no list of objects with `state_id` and `payload`."};
  if (!list.is_array()) return no_list;
  if (list.get_array().size() > most_states) {
    return Error{Error::Kind::invalid, fmt::format("`states` has more than {}.", most_states),
                 "Send them in several requests."};
  }
  std::vector<Wanted> all;
  std::set<std::string> seen;
  for (const json::value& item : list.get_array()) {
    const json::object* object = item.if_object();
    const json::value* id = object == nullptr ? nullptr : object->if_contains("state_id");
    const json::value* payload = object == nullptr ? nullptr : object->if_contains("payload");
    if (id == nullptr || payload == nullptr || !id->is_string() || object->size() != 2) {
      return no_list;
    }
    std::string state_id(id->get_string());
    const auto named = [&](const Error& error) {
      return Error{error.kind,
                   fmt::format("The state {}: {}", cupola::quoted(state_id), error.message),
                   error.hint};
    };
    if (const auto checked = check_state_id(state_id); !checked) return named(checked.error());
    auto kept = state_payload_of(state_id, *payload);
    if (!kept) {
      return kept.error().kind == Error::Kind::too_large ? kept.error() : named(kept.error());
    }
    if (!seen.insert(state_id).second) {
      return named({Error::Kind::invalid, "it is named twice.", ""});
    }
    all.push_back({std::move(state_id), *std::move(kept)});
  }
  return all;
}

/// "new", "replaces" or "same".
std::string_view change_by(const std::optional<store::StateVersion>& newest,
                           const std::string& payload) {
  if (!newest) return "new";
  const auto before = parse_json(newest->payload);
  const auto after = parse_json(payload);
  return before && after && *before == *after ? "same" : "replaces";
}

}  // namespace

/// POST …/states/import sets all of them, or none: refused while a run holds one.
Result<http::Reply> import_states(const Call& call) {
  Body body(call, {"states", "dry_run"});
  const bool dry_run = body.flag("dry_run");
  if (body.fault()) return *body.fault();
  const auto wanted = wanted_of(body.value("states"));
  if (!wanted) return wanted.error();

  const auto work = [&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    // What was written before an Error is kept, so all that can be in the way is asked for first.
    for (const Wanted& each : *wanted) {
      const auto free = store::check_free(db, project->key, each.state_id);
      if (!free) return free.error();
    }
    json::array items;
    std::int64_t set = 0;
    for (const Wanted& each : *wanted) {
      const auto newest = store::find_state(db, call.organization(), project->key, each.state_id);
      const std::string_view change = change_by(newest, each.payload);
      std::int64_t version = newest ? newest->version : 0;
      if (!dry_run && change != "same") {
        const auto state = store::set_state(db, call.organization(), project->key, each.state_id,
                                            each.payload, store::StateOrigin::imported, call.now);
        if (!state) throw Failure(to_text(state.error()));  // a run took it just now: undone
        version = state->version;
        ++set;
      }
      items.push_back({{"state_id", json_text(each.state_id)},
                       {"change", change},
                       {"version", version == 0 ? json::value() : json::value(version)}});
    }
    if (!dry_run) {
      audit(call, db,
            {.action = "state.import",
             .name = fmt::format("{} states", set),
             .project = project->name,
             .after = json::object{{"set", set},
                                   {"same", items.size() - static_cast<std::size_t>(set)}}});
    }
    return list_reply("states", std::move(items));
  };
  if (dry_run) return call.context.database.read(work);
  return write_once(call, work);
}

}  // namespace cupola::api
