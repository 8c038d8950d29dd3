#include "deploy/resolution.h"

#include <filesystem>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"
#include "deploy/deploy_log.h"
#include "deploy/lock.h"

namespace cupola::deploy {

namespace fs = std::filesystem;

std::string subject(const std::vector<std::string>& names) {
  if (names.empty()) return "The plugin";
  const std::string& first = names.front();
  const auto slash = first.find('/');
  if (slash == std::string::npos) return first;
  return fmt::format("The plugin {} ({})", first.substr(slash + 1), first.substr(0, slash));
}

std::string hide(std::string_view text, const std::map<std::string, Secret>& secrets) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) {
    lines.push_back(line.find("://") == std::string_view::npos ? std::string(line)
                                                               : masked(line, secrets));
  }
  return join(lines, "\n");
}

std::string reveal(std::string_view text, const std::map<std::string, Secret>& secrets) {
  std::string result(text);
  for (const auto& [name, secret] : secrets) {
    const std::string shown = fmt::format("${{{}}}", name);
    for (auto at = result.find(shown); at != std::string::npos;
         at = result.find(shown, at + secret.reveal().size())) {
      result.replace(at, shown.size(), secret.reveal());
    }
  }
  return result;
}

std::vector<std::string> reveal(std::vector<std::string> texts,
                                const std::map<std::string, Secret>& secrets) {
  for (auto& text : texts) text = reveal(text, secrets);
  return texts;
}

bool needs_repository(std::string_view resolution) {
  for (const auto& pin : pins(resolution)) {
    if (pin.starts_with("-e") || pin.starts_with('.') || pin.starts_with('/') ||
        pin.find("file:") != std::string::npos || pin.find(" @ ./") != std::string::npos ||
        (pin.find('/') != std::string::npos && pin.find("://") == std::string::npos)) {
      return true;
    }
  }
  return false;
}

void add_local_repositories(BoxContent& box, std::string_view text, const Options& options) {
  if (!options.allow_local_repositories) return;
  for (auto at = text.find("git+file://"); at != std::string_view::npos;
       at = text.find("git+file://", at + 1)) {
    std::string_view path = text.substr(at + 11);
    path = path.substr(0, path.find_first_of("@#' \"\n\\"));
    const fs::path folder = fs::path(path).lexically_normal();
    std::error_code ignored;
    if (folder.is_absolute() &&
        (fs::exists(folder / ".git", ignored) || fs::exists(folder / "HEAD", ignored))) {
      box.read_only.push_back(folder);
    }
  }
}

std::string own_address(std::string_view shared_key, const OrganizationKey& organization) {
  return sha256_hex(fmt::format("{} only for {}", shared_key, organization.text())).substr(0, 40);
}

}  // namespace cupola::deploy
