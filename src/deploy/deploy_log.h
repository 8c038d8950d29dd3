#pragma once

/// The log of one deploy: a text file, a line for each step, readable while it grows.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/secret.h"

namespace cupola::deploy {

/// Each line is "<RFC 3339> <text>" and is in the file when `line` returns. Values of secrets are
/// shown as `${NAME}`. For one thread at a time. Throws Failure when the disk is full.
class DeployLog {
 public:
  /// Opens for appending: a deploy that is picked up again goes on in the same log.
  DeployLog(const std::filesystem::path& path, const Clock& clock);
  ~DeployLog();
  DeployLog(const DeployLog&) = delete;
  DeployLog& operator=(const DeployLog&) = delete;

  void mask(std::map<std::string, Secret> secrets) { secrets_ = std::move(secrets); }
  /// Text of several lines gives several; control characters are shown, not sent.
  void line(std::string_view text);
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    line(std::string_view(fmt::format(format, std::forward<Args>(args)...)));
  }
  /// Makes it durable.
  void sync();

 private:
  std::filesystem::path path_;
  const Clock& clock_;
  Fd file_;
  std::map<std::string, Secret> secrets_;
};

/// The text with each secret's value, in all shapes that are looked for in the logs of runs
/// (logs/secret_forms.h), as `${NAME}`.
std::string masked(std::string_view text, const std::map<std::string, Secret>& secrets);

}  // namespace cupola::deploy
