#include "store/state_edit.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "store/state_rows.h"

namespace cupola::store {
namespace {

constexpr std::string_view wrapped_key = "airbyte_state";
constexpr std::string_view syncing_key = "currently_syncing";

json::object* object_at(json::object& object, std::string_view key) {
  json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

/// The name in one item of a list as connectors of Airbyte keep it.
std::string wrapped_stream(const json::value& item) {
  const json::object* object = item.if_object();
  const json::value* stream = object == nullptr ? nullptr : object->if_contains("stream");
  if (stream == nullptr || !stream->is_object()) return "";
  const json::value* descriptor = stream->get_object().if_contains("stream_descriptor");
  return descriptor != nullptr && descriptor->is_object()
             ? text_at(descriptor->get_object(), "name")
             : "";
}

/// One Singer state: where its bookmarks are, by stream.
class Bookmarks {
 public:
  explicit Bookmarks(json::object& singer)
      : singer_(singer),
        by_stream_(object_at(singer, "bookmarks")),
        list_(singer.contains(wrapped_key) ? singer.at(wrapped_key).if_array() : nullptr) {
    if (by_stream_ == nullptr && list_ == nullptr) by_stream_ = &singer;
  }

  void add_names(std::set<std::string>& names) const {
    if (by_stream_ != nullptr) {
      for (const auto& member : *by_stream_) {
        if (by_stream_ != &singer_ || member.value().is_object()) names.emplace(member.key());
      }
    }
    for (const json::value& item : list_ == nullptr ? json::array() : *list_) {
      if (std::string name = wrapped_stream(item); !name.empty()) names.insert(std::move(name));
    }
  }

  void forget(const std::string& stream) {
    if (by_stream_ != nullptr) by_stream_->erase(stream);
    if (list_ != nullptr) {
      for (auto item = list_->begin(); item != list_->end();) {
        item = wrapped_stream(*item) == stream ? list_->erase(item) : item + 1;
      }
    }
    for (json::object* object : {&singer_, by_stream_}) {
      if (object == nullptr) continue;
      if (text_at(*object, syncing_key) == stream) object->erase(syncing_key);
    }
  }

 private:
  json::object& singer_;
  json::object* by_stream_;
  json::array* list_;
};

/// Calls `work` with the bookmarks of the completed and of the partial state.
template <typename F>
void each_state(json::value& payload, F work) {
  if (!payload.is_object()) return;
  for (const char* part : {"completed", "partial"}) {
    json::object* state = object_at(payload.get_object(), part);
    json::object* singer = state == nullptr ? nullptr : object_at(*state, "singer_state");
    if (singer != nullptr) work(Bookmarks(*singer));
  }
}

std::set<std::string> names_in(json::value& payload) {
  std::set<std::string> names;
  each_state(payload, [&](const Bookmarks& bookmarks) { bookmarks.add_names(names); });
  return names;
}

}  // namespace

std::vector<std::string> streams_of(std::string_view payload) {
  auto value = parse_json(payload);
  if (!value) return {};
  const auto names = names_in(*value);
  return {names.begin(), names.end()};
}

Result<std::string> without_streams(std::string_view payload,
                                    const std::vector<std::string>& streams) {
  auto value = parse_json(payload);
  if (!value) return value.error();
  const auto names = names_in(*value);
  for (const std::string& stream : streams) {
    if (names.contains(stream)) continue;
    std::vector<std::string> known;
    for (const std::string& name : names) known.push_back(quoted(name));
    return Error{Error::Kind::not_found,
                 fmt::format("The state has no bookmark of the stream {}.", quoted(stream)),
                 known.empty() ? "It has none at all."
                               : fmt::format("It has those of {}.", join(known, ", "))};
  }
  each_state(*value, [&](Bookmarks bookmarks) {
    for (const std::string& stream : streams) bookmarks.forget(stream);
  });
  return json::serialize(*value);
}

Result<StateVersion> forget_streams(db::Session& db, const OrganizationKey& organization,
                                    const ProjectKey& project, std::string_view state_id,
                                    const std::vector<std::string>& streams, Instant now) {
  if (const auto held = hold_state(db, project, state_id, now); !held) return held.error();
  const auto newest = find_state(db, organization, project, state_id);
  const auto payload =
      newest
          ? without_streams(newest->payload, streams)
          : Result<std::string>(Error{Error::Kind::not_found,
                                      fmt::format("There is no state {}.", quoted(state_id)), ""});
  if (payload) {
    add_state_version(
        db, {.organization = organization, .project = project},
        {.state_id = std::string(state_id), .payload = *payload, .origin = StateOrigin::edited},
        now);
  }
  give_back_state(db, project, state_id);
  if (!payload) return payload.error();
  return *find_state(db, organization, project, state_id);
}

}  // namespace cupola::store
