#include "deploy/lock.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace cupola::deploy {
namespace {

json::array to_array(const std::vector<std::string>& texts) {
  json::array array;
  for (const auto& text : texts) array.push_back(json_text(text));
  return array;
}

std::vector<std::string> texts_at(const json::object& object, std::string_view key) {
  std::vector<std::string> texts;
  if (const auto* array = object.if_contains(key); array != nullptr && array->is_array()) {
    for (const auto& value : array->get_array()) {
      if (value.is_string()) texts.emplace_back(value.get_string());
    }
  }
  return texts;
}

template <typename F>
const LockEntry* first(const std::vector<LockEntry>& entries, F fits) {
  const auto found = std::find_if(entries.begin(), entries.end(), fits);
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace

const LockEntry* Lock::find(std::string_view id) const {
  return first(entries, [&](const LockEntry& entry) { return entry.id == id; });
}

const LockEntry* Lock::find_key(std::string_view key) const {
  return first(entries, [&](const LockEntry& entry) { return entry.key == key; });
}

const LockEntry* Lock::find_name(std::string_view name) const {
  return first(entries, [&](const LockEntry& entry) {
    return std::find(entry.names.begin(), entry.names.end(), name) != entry.names.end();
  });
}

std::string to_json_text(const Lock& lock) {
  json::array entries;
  for (const LockEntry& entry : lock.entries) {
    entries.push_back({{"id", entry.id},
                       {"names", to_array(entry.names)},
                       {"pip_url", json_text(entry.pip_url)},
                       {"python", entry.python},
                       {"interpreter", json_text(entry.interpreter)},
                       {"resolution", json_text(entry.resolution)},
                       {"options", to_array(entry.options)},
                       {"key", entry.key},
                       {"shared", entry.shared}});
  }
  return json::serialize(json::object{{"version", 1}, {"entries", std::move(entries)}});
}

Lock parse_lock(std::string_view text) {
  const auto value = parse_json(text);
  const auto* object = value ? value->if_object() : nullptr;
  const auto* entries = object != nullptr ? object->if_contains("entries") : nullptr;
  if (entries == nullptr || !entries->is_array() || number_at(*object, "version") != 1) {
    throw Failure(
        "the lock of a release in the database cannot be read: it is damaged, or from a "
        "newer version of cupola");
  }
  Lock lock;
  for (const auto& item : entries->get_array()) {
    if (!item.is_object()) continue;
    const json::object& entry = item.get_object();
    lock.entries.push_back({.id = text_at(entry, "id"),
                            .names = texts_at(entry, "names"),
                            .pip_url = text_at(entry, "pip_url"),
                            .python = text_at(entry, "python"),
                            .interpreter = text_at(entry, "interpreter"),
                            .resolution = text_at(entry, "resolution"),
                            .options = texts_at(entry, "options"),
                            .key = text_at(entry, "key"),
                            .shared = flag_at(entry, "shared")});
  }
  return lock;
}

std::vector<std::string> pins(std::string_view resolution) {
  std::vector<std::string> result;
  for (const std::string_view raw : split(resolution, '\n')) {
    std::string_view line = trim(raw);
    if (line.empty() || line.starts_with('#') || line.starts_with("--hash")) continue;
    if (line.ends_with('\\')) line = trim(line.substr(0, line.size() - 1));
    result.emplace_back(line);
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace cupola::deploy
