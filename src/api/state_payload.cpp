#include "api/state_payload.h"

#include "api/input.h"
#include "store/states.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_state_id = 900;

Result<std::string> text_of(const json::value& value) {
  if (!value.is_object()) {
    return Error{Error::Kind::invalid, "A state must be a JSON object.",
                 "Send what `cupola state get` shows, or the tap's bookmarks."};
  }
  const json::object& given = value.get_object();
  if (given.contains("completed") || given.contains("partial")) {
    for (const auto& member : given) {
      const bool known = member.key() == "completed" || member.key() == "partial";
      if (!known || !member.value().is_object()) {
        return Error{Error::Kind::invalid,
                     "Beside \"completed\" and \"partial\", which are objects, a state has no "
                     "members."};
      }
    }
    return json::serialize(value);
  }
  json::object completed;
  if (given.contains("singer_state")) {
    completed = given;
  } else {
    completed["singer_state"] = given;
  }
  return json::serialize(json::object{{"completed", std::move(completed)}});
}

}  // namespace

Result<void> check_state_id(const std::string& state_id) {
  if (!state_id.empty() && state_id.size() <= longest_state_id && !has_control(state_id)) return {};
  return Error{Error::Kind::invalid,
               "A state id has from 1 to 900 bytes and no control characters."};
}

Result<std::string> state_payload_of(const std::string& state_id, const json::value& value) {
  auto text = text_of(value);
  if (!text) return text;
  if (const auto checked = store::check_size(state_id, text->size()); !checked) {
    return checked.error();
  }
  return text;
}

}  // namespace cupola::api
