#include "deploy/deploy_log.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/outcome.h"
#include "base/text.h"
#include "logs/secret_forms.h"

namespace cupola::deploy {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::string masked(std::string_view text, const std::map<std::string, Secret>& secrets) {
  std::vector<std::pair<std::string, std::string_view>> shapes;
  for (const auto& [name, secret] : secrets) {
    for (std::string& shape : logs::secret_forms(secret.reveal())) {
      shapes.emplace_back(std::move(shape), name);
    }
  }
  // A longer shape may hold a shorter one.
  std::stable_sort(shapes.begin(), shapes.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  std::string result(text);
  for (const auto& [shape, name] : shapes) {
    replace_all(result, shape, fmt::format("${{{}}}", name));
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
