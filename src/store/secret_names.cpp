#include "store/secret_names.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::store {
namespace {

constexpr std::size_t longest_name = 255;

struct Reserved {
  std::string_view name;  ///< all that begin so, where it ends with *
  std::string_view reason;
};

constexpr std::string_view program_reason = "it says which programs a run starts";
constexpr std::string_view loader_reason = "it puts foreign code into every program of a run";
constexpr std::string_view shell_reason = "it makes each shell of a run do something else";
constexpr std::string_view place_reason = "each run has one of its own, which Cupola sets";
constexpr std::string_view python_reason = "it changes what Meltano and its plugins load";

constexpr Reserved reserved[] = {
    {"PATH", program_reason},
    {"SHELL", program_reason},
    {"LD_*", loader_reason},
    {"GLIBC_*", loader_reason},
    {"GCONV_PATH", loader_reason},
    {"BASH_ENV", shell_reason},
    {"BASH_FUNC*", shell_reason},
    {"ENV", shell_reason},
    {"IFS", shell_reason},
    {"PYTHON*", python_reason},
    {"VIRTUAL_ENV", python_reason},
    {"GIT_*", "it changes what git does and whom it trusts"},
    {"HOME", place_reason},
    {"USER", place_reason},
    {"LOGNAME", place_reason},
    {"TMPDIR", place_reason},
    {"PWD", place_reason},
    {"MELTANO_PROJECT_ROOT", "the project of a run is the release's"},
    {"MELTANO_SYS_DIR_ROOT", "the plugin environments of a run are the release's"},
    {"MELTANO_DATABASE_URI", "each run has a system database of its own"},
    {"MELTANO_STATE_BACKEND_URI",
     "Cupola keeps the state; a project that keeps its own says `state: project` in meltano.yml"},
    {"MELTANO_RUN_ID", "the id of a run is Cupola's"},
    {"CUPOLA_*", "Cupola tells a run of itself by such names"}};

/// What is Cupola's own to read, though its beginning is reserved.
constexpr std::array allowed = {git_ssh_key_name, git_token_name, git_username_name};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_name && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

bool stands_for(std::string_view pattern, std::string_view name) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                : name == pattern;
}

}  // namespace

Result<void> check_secret_name(std::string_view name) {
  if (!is_variable_name(name)) {
    return Error{Error::Kind::invalid, fmt::format("{} is no name for a secret.", quoted(name)),
                 "Names are letters, digits and _, not beginning with a digit, at most 255 bytes."};
  }
  if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) return {};
  const auto found = std::find_if(std::begin(reserved), std::end(reserved),
                                  [&](const auto& each) { return stands_for(each.name, name); });
  if (found == std::end(reserved)) return {};
  return Error{Error::Kind::invalid,
               fmt::format("A secret cannot be called {}: {}.", name, found->reason),
               "Choose another name."};
}

}  // namespace cupola::store
