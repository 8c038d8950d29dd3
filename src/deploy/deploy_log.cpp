#include "deploy/deploy_log.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/outcome.h"
#include "base/text.h"

namespace cupola::deploy {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

std::string percent_encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    result += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

}  // namespace

std::string masked(std::string_view text, const std::map<std::string, Secret>& secrets) {
  std::string result(text);
  for (const auto& [name, secret] : secrets) {
    const std::string_view value = secret.reveal();
    if (value.size() < shortest_masked) continue;
    const std::string shown = fmt::format("${{{}}}", name);
    replace_all(result, value, shown);
    replace_all(result, percent_encoded(value), shown);
  }
  return result;
}

DeployLog::DeployLog(const std::filesystem::path& path, const Clock& clock)
    : path_(path), clock_(clock) {
  make_folder(path.parent_path());
  file_ = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file_) {
    throw Failure(
        fmt::format("cannot open the deploy's log {}: {}", path.string(), system_text(errno)));
  }
}

DeployLog::~DeployLog() = default;

void DeployLog::line(std::string_view text) {
  const std::string stamp = to_rfc3339(clock_.now());
  std::string lines;
  for (const std::string_view part : split(text, '\n')) {
    lines += fmt::format("{} {}\n", stamp, printable(masked(part, secrets_)));
  }
  std::string_view rest = lines;
  while (!rest.empty()) {
    const ssize_t count = ::write(file_.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw Failure(
          fmt::format("cannot write the deploy's log {}: {}", path_.string(), system_text(errno)));
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void DeployLog::sync() {
  if (::fsync(file_.get()) != 0) {
    throw Failure(
        fmt::format("cannot write the deploy's log {}: {}", path_.string(), system_text(errno)));
  }
}

}  // namespace cupola::deploy
