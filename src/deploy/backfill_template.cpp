#include "deploy/backfill_template.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "store/secret_names.h"

namespace cupola::deploy {
namespace {

constexpr std::size_t longest_suffix = 60;

bool is_word(std::string_view text, std::string_view also, std::size_t longest) {
  const auto allowed = [&](char letter) {
    return (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z') ||
           (letter >= '0' && letter <= '9') || also.find(letter) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

Result<store::BackfillTemplate> read_backfill(const json::value& note) {
  const std::string hint =
      "Write `backfill: {start: TAP_X_START_DATE, end: TAP_X_END_DATE, state_id_suffix: "
      "backfill}`, "
      "with two variables that the schedule's plugins read.";
  const auto fault = [&](std::string message) {
    return Error{Error::Kind::invalid, std::move(message), hint};
  };
  const json::object* object = note.if_object();
  if (object == nullptr) return fault("its annotation cupola: backfill is no mapping.");
  for (const auto& [name, value] : *object) {
    if (name != "start" && name != "end" && name != "state_id_suffix")
      return fault(fmt::format("its annotation cupola: backfill: {} is not known.", quoted(name)));
  }
  store::BackfillTemplate found{.start_variable = text_at(*object, "start"),
                                .end_variable = text_at(*object, "end"),
                                .state_id_suffix = text_at(*object, "state_id_suffix")};
  for (const auto& [key, name] :
       {std::pair("start", &found.start_variable), std::pair("end", &found.end_variable)}) {
    if (!store::check_secret_name(*name)) {
      return fault(
          fmt::format("its annotation cupola: backfill: {} is {}, which is no name of a "
                      "variable of the project.",
                      key, quoted(*name)));
    }
  }
  if (found.start_variable == found.end_variable)
    return fault("its annotation cupola: backfill: names one variable for start and end.");
  if (!is_word(found.state_id_suffix, "-_", longest_suffix)) {
    return fault(
        fmt::format("its annotation cupola: backfill: state_id_suffix is {}, but must be 1 "
                    "to {} letters, digits, dashes and underscores.",
                    quoted(found.state_id_suffix), longest_suffix));
  }
  return found;
}

}  // namespace cupola::deploy
