#pragma once

/// `.env` files as python-dotenv reads them, which official Meltano uses: quotes, escapes, values
/// over several lines, `export`, comments, `${NAME}` and `${NAME:-default}`. Pure.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::meltano {

struct DotenvEntry {
  std::string name;
  std::optional<std::string> value;  ///< none for a name without `=`; `${…}` still in it
  int line = 0;                      ///< where it begins, from 1
};

struct Dotenv {
  std::vector<DotenvEntry> entries;  ///< as written: a name may come twice, the last one counts
  std::vector<int> faults;           ///< lines that cannot be read
};
Dotenv parse_dotenv(std::string_view text);

/// The value with what `find` gives in place of `${NAME}`; the default, else nothing, where it
/// gives none.
std::string expand_dotenv(
    std::string_view value,
    const std::function<std::optional<std::string>(std::string_view name)>& find);

/// What a program gets of the file: each value expanded by those before it, else by `env`.
std::map<std::string, std::string> dotenv_values(const Dotenv& file,
                                                 const std::map<std::string, std::string>& env);

}  // namespace cupola::meltano
