#pragma once

/// From what an organization is to what it is to be: the steps of `cupola apply`, each a call of
/// the API.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "cli/api.h"
#include "cli/apply_file.h"

namespace cupola::cli {

struct Step {
  enum class Kind { add, change, remove };
  Kind kind = Kind::add;
  std::uint32_t line = 0;  ///< of the file; 0 for what the file does not name
  std::string text;        ///< "deployment shop/prod: environment prod at main"
  std::function<Result<void>(const Api&)> work;
};

/// In the order in which they can be done; none where all is as it is to be. With `prune` also what
/// takes away what the file does not name, of the lists that it has. Changes nothing. Errors: what
/// cannot be brought about, with its line; those of the API.
Result<std::vector<Step>> steps_to(const Api& api, const std::string& file,
                                   const WantedOrganization& wanted, bool prune);

/// The item of the list that has the text at one of the keys, or nothing.
const json::object* item_with(const json::array& list, std::initializer_list<std::string_view> keys,
                              std::string_view text);
/// Whether the call worked, without its answer.
Result<void> done(const Result<json::object>& answer);

}  // namespace cupola::cli
