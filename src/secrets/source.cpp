#include "secrets/source.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "process/program.h"

namespace cupola::secrets {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view file_scheme = "file:";
constexpr std::string_view exec_scheme = "exec:";
constexpr std::size_t longest_value = 64u << 10;
constexpr std::size_t most_words = 64;

Error invalid(std::string message, std::string hint) {
  return {Error::Kind::invalid, std::move(message), std::move(hint)};
}

Error not_allowed(std::string_view what, std::string_view option) {
  return {Error::Kind::forbidden, fmt::format("{} is not allowed on this server.", what),
          fmt::format("Its operator allows it with `cupola server --{}`.", option)};
}

bool is_below(const fs::path& folder, const fs::path& path) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

/// The file below one of the folders, by its path as written: links are looked at by `real_path`.
Result<fs::path> path_of(const Options& options, std::string_view text) {
  const fs::path path = fs::path(std::string(text));
  if (!path.is_absolute() || path.lexically_normal() != path || !path.has_filename()) {
    return invalid(fmt::format("{} is no absolute path of a file.", cupola::quoted(text)),
                   "Write it as file:/run/secrets/NAME, without . and .. in it.");
  }
  const bool allowed = std::any_of(options.folders.begin(), options.folders.end(),
                                   [&](const fs::path& folder) { return is_below(folder, path); });
  if (!allowed)
    return not_allowed(fmt::format("The file {}", cupola::quoted(text)), "secret-files FOLDER");
  return path;
}

/// Words with white space between them, or a JSON list of texts where one holds a space.
Result<std::vector<std::string>> words_of(const Options& options, std::string_view text) {
  std::vector<std::string> words;
  if (trim(text).starts_with('[')) {
    const auto list = parse_json(text);
    if (!list || !list->is_array()) {
      return invalid("The list after exec: is no JSON list of texts.",
                     R"(Write it as exec:["/usr/bin/vault","kv","get","a path"].)");
    }
    for (const json::value& item : list->get_array()) {
      if (!item.is_string()) return invalid("A word after exec: is no text.", "");
      words.emplace_back(item.get_string());
    }
  } else {
    for (const std::string_view word : split(text, ' ')) {
      if (!word.empty()) words.emplace_back(word);
    }
  }
  if (words.empty() || words.size() > most_words || !fs::path(words.front()).is_absolute()) {
    return invalid("After exec: there is no program with its absolute path.",
                   "Write it as exec:/usr/local/bin/get-secret WORDS, at most 63 of them.");
  }
  if (std::find(options.programs.begin(), options.programs.end(), words.front()) ==
      options.programs.end()) {
    return not_allowed(fmt::format("The program {}", cupola::quoted(words.front())),
                       "secret-programs PROGRAM");
  }
  return words;
}

Result<std::string> read_source(const Options& options, std::string_view text) {
  const auto path = path_of(options, text);
  if (!path) return path.error();
  // Agents write links (Kubernetes does); they may lead elsewhere below the folders alone.
  std::error_code error;
  const fs::path real = fs::canonical(*path, error);
  if (error) {
    return Error{
        Error::Kind::unavailable,
        fmt::format("The file {} cannot be read: {}.", cupola::quoted(text), error.message()), ""};
  }
  const bool stays = std::any_of(options.folders.begin(), options.folders.end(), [&](auto& folder) {
    std::error_code ignored;
    return is_below(fs::canonical(folder, ignored), real);
  });
  if (!stays) {
    return not_allowed(fmt::format("The file {}, to which {} leads,", cupola::quoted(real.string()),
                                   cupola::quoted(text)),
                       "secret-files FOLDER");
  }
  auto content = read_file(real, longest_value);
  if (content) return *std::move(content);
  return Error{
      Error::Kind::unavailable,
      fmt::format("The file {} cannot be read: {}", cupola::quoted(text), content.error().message),
      ""};
}

Result<std::string> ask_program(const Options& options, std::string_view text,
                                const std::map<std::string, std::string>& about,
                                const std::stop_token& stop) {
  const auto words = words_of(options, text);
  if (!words) return words.error();
  process::Program program{.argv = *words,
                           .env = process::helper_environment(options.home),
                           .folder = "/",
                           .dies_with_parent = true};
  for (const auto& [name, value] : about) program.env[name] = value;
  const auto output = process::run(
      program, {.timeout = options.time_limit, .output = longest_value + 1}, {}, {}, stop);
  if (!output) return output.error();
  if (output->exit.ok()) return output->out;
  const std::string how =
      output->exit.timed_out ? fmt::format("took longer than {}", to_text(options.time_limit))
      : output->exit.stopped ? std::string("was stopped")
                             : fmt::format("ended with exit code {}", output->exit.code);
  const std::string said = printable(trim(output->err).substr(0, 400));
  return Error{Error::Kind::unavailable,
               fmt::format("The program {} {}{}{}", cupola::quoted(words->front()), how,
                           said.empty() ? "." : ": ", said),
               ""};
}

}  // namespace

Result<void> check_source(const Options& options, std::string_view source) {
  if (source.starts_with(file_scheme)) {
    const auto path = path_of(options, source.substr(file_scheme.size()));
    return path ? Result<void>() : path.error();
  }
  if (source.starts_with(exec_scheme)) {
    const auto words = words_of(options, source.substr(exec_scheme.size()));
    return words ? Result<void>() : words.error();
  }
  return invalid(fmt::format("{} says not where the value is.", cupola::quoted(source)),
                 "Write file:/PATH or exec:/PROGRAM WORDS.");
}

Result<Secret> fetch(const Options& options, std::string_view source,
                     const std::map<std::string, std::string>& about, const std::stop_token& stop) {
  if (const auto checked = check_source(options, source); !checked) return checked.error();
  auto text = source.starts_with(file_scheme)
                  ? read_source(options, source.substr(file_scheme.size()))
                  : ask_program(options, source.substr(exec_scheme.size()), about, stop);
  if (!text) return text.error();
  Secret value(*std::move(text));
  std::string_view shown = value.reveal();
  if (shown.size() > longest_value) {
    return invalid(fmt::format("The value is longer than {} bytes.", longest_value), "");
  }
  if (shown.ends_with('\n')) shown.remove_suffix(1);
  if (shown.empty()) return invalid("The value is empty.", "");
  if (shown.find('\0') != std::string_view::npos) {
    return invalid("The value holds a NUL byte.", "Let it be encoded, as base64 say.");
  }
  return Secret(std::string(shown));
}

}  // namespace cupola::secrets
