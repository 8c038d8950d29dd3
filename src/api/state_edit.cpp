#include "store/state_edit.h"

#include <fmt/format.h>

#include "api/audit.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/to_json.h"
#include "base/json_diff.h"
#include "base/text.h"

namespace cupola::api {
namespace {

constexpr std::size_t most_changes = 10'000;
constexpr std::size_t most_streams = 1000;
constexpr std::size_t longest_stream = 1000;

json::value parsed(const store::StateVersion& state) {
  auto value = parse_json(state.payload);
  return value ? *std::move(value) : json::value();
}

}  // namespace

/// GET …/diff compares two versions: unless named, the newest with the one before it.
Result<http::Reply> show_state_diff(const Call& call) {
  Query query(call);
  const std::int64_t wanted_to = query.number("to", 1, 1LL << 53, 0);
  const std::int64_t wanted_from = query.number("from", 1, 1LL << 53, 0);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const std::string& state_id = call.in_path("state_id");
    const auto find = [&](std::int64_t version) {
      return store::find_state(db, call.organization(), project->key, state_id, version);
    };
    const auto to = wanted_to > 0
                        ? find(wanted_to)
                        : store::find_state(db, call.organization(), project->key, state_id);
    const std::int64_t before = wanted_from > 0 ? wanted_from : to ? to->version - 1 : 0;
    const auto from = find(before);
    if (!to || (!from && wanted_from > 0)) {
      return Error{Error::Kind::not_found,
                   fmt::format("The state {} has no such version.", cupola::quoted(state_id)),
                   "`cupola state history` shows those that are kept."};
    }
    json::array changes;
    // What was before the first version kept is not known; it is compared with nothing.
    for (JsonChange& change :
         diff_json(from ? parsed(*from) : json::value(json::object()), parsed(*to), most_changes)) {
      changes.push_back({{"path", json_text(change.path)},
                         {"from", change.from.value_or(nullptr)},
                         {"to", change.to.value_or(nullptr)},
                         {"change", !change.from ? "added"
                                    : !change.to ? "removed"
                                                 : "changed"}});
    }
    return json_reply(200, json::object{{"state_id", json_text(state_id)},
                                        {"from", from ? json::value(from->version) : json::value()},
                                        {"to", to->version},
                                        {"changes", std::move(changes)}});
  });
}

/// POST …/forget makes a version without some streams: the next run reads those anew.
Result<http::Reply> forget_streams(const Call& call) {
  Body body(call, {"streams"});
  const auto streams = body.texts("streams", most_streams, longest_stream);
  if (!body.fault() && streams.empty()) body.refuse("`streams` names none.");
  if (body.fault()) return *body.fault();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const std::string& state_id = call.in_path("state_id");
    const auto state =
        store::forget_streams(db, call.organization(), project->key, state_id, streams, call.now);
    if (!state) return state.error();
    audit(call, db,
          {.action = "state.forget",
           .name = state_id,
           .project = project->name,
           .before = json::object{{"version", state->version - 1}},
           .after = json::object{{"version", state->version}, {"forgotten", texts(streams)}}});
    return json_reply(200, to_json(*state, true));
  });
}

}  // namespace cupola::api
