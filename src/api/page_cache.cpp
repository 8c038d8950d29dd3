#include "api/page_cache.h"

namespace cupola::api {
namespace {

constexpr std::size_t most_pages = 64;

std::string key_of(const Call& call) {
  // What a limited token is shown is not what others are.
  const store::Reach& reach = call.member.reach;
  std::string key = call.organization().text();
  key.append(1, '\0').append(reach.project.value_or(ProjectKey()).text());
  key.append(1, '\0').append(reach.deployment.value_or(DeploymentKey()).text());
  key.append(1, '\0').append(call.request.path);
  for (const auto& [name, value] : call.request.query) {
    key.append(1, '\0').append(name).append(1, '=').append(value);
  }
  return key;
}

}  // namespace

std::optional<std::string> PageCache::find(const Call& call) {
  const std::string key = key_of(call);
  const std::uint64_t writes = call.context.database.writes();
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  const auto found = pages_.find(key);
  if (found == pages_.end()) return std::nullopt;
  if (found->second.writes != writes || now - found->second.since >= longest) {
    pages_.erase(found);
    return std::nullopt;
  }
  return found->second.body;
}

void PageCache::keep(const Call& call, std::uint64_t writes, const std::string& body) {
  std::string key = key_of(call);
  const std::lock_guard lock(mutex_);
  if (pages_.size() >= most_pages) pages_.clear();
  pages_[std::move(key)] = {body, writes, std::chrono::steady_clock::now()};
}

}  // namespace cupola::api
