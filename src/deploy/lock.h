#pragma once

/// What a release keeps of its plugin environments: frozen resolutions, and the addresses that they
/// gave. The column `lock` of a release holds it as JSON.

#include <string>
#include <string_view>
#include <vector>

namespace cupola::deploy {

struct LockEntry {
  /// What was asked for: pip_url, Python and the content of what it names in the repository. A
  /// later release that asks for the same takes the resolution as it is.
  std::string id;
  std::vector<std::string> names;    ///< "extractors/tap-jsonl", …, or "meltano"
  std::string pip_url;               ///< as written: variables, no values
  std::string python;                ///< version, such as "3.11.2"
  std::string interpreter;           ///< path
  std::string resolution;            ///< requirements file with hashes; secrets as ${NAME}
  std::vector<std::string> options;  ///< for the installer; secrets as ${NAME}
  std::string key;                   ///< address of the environment
  bool shared = false;               ///< between organizations: all of it public, nothing built
};

struct Lock {
  std::vector<LockEntry> entries;

  const LockEntry* find(std::string_view id) const;
  const LockEntry* find_key(std::string_view key) const;
  /// The entry that serves `name`.
  const LockEntry* find_name(std::string_view name) const;
};

std::string to_json_text(const Lock& lock);
/// Throws Failure when the text is none that `to_json_text` wrote.
Lock parse_lock(std::string_view text);

/// "name==version" and "name @ git+…@commit" of a resolution, without hashes, sorted.
std::vector<std::string> pins(std::string_view resolution);

}  // namespace cupola::deploy
