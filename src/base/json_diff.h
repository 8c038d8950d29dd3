#pragma once

/// What differs between two JSON values, leaf by leaf.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace cupola {

struct JsonChange {
  std::string path;                 ///< a JSON pointer (RFC 6901); empty for the whole
  std::optional<json::value> from;  ///< none: it was not there
  std::optional<json::value> to;    ///< none: it is there no more
};

/// In the order of `before`, then what is new; lists are compared place by place. At most `most`.
std::vector<JsonChange> diff_json(const json::value& before, const json::value& after,
                                  std::size_t most);

}  // namespace cupola
