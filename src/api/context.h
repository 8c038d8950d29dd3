#pragma once

/// What handlers work with. `app` builds it; handlers get it by reference and keep nothing.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/authenticator.h"
#include "base/clock.h"
#include "base/home.h"
#include "base/json.h"
#include "base/outcome.h"
#include "db/database.h"
#include "store/deployments.h"
#include "store/invitations.h"
#include "store/projects.h"
#include "store/retention.h"
#include "store/vault.h"

namespace cupola::api {

/// What other parts do when the API asks. All must be set unless said; called from any worker
/// thread.
struct Hooks {
  std::function<void()> wake_runner;     ///< a run was queued, or is to stop
  std::function<void()> wake_deployer;   ///< a release was queued
  std::function<void()> wake_scheduler;  ///< a schedule was switched
  std::function<void()> wake_notifier;   ///< a message is due

  /// Whether notifications may be posted to this URL; gives it as it is. Asks no host.
  /// Errors: invalid.
  std::function<Result<std::string>(std::string_view url)> check_receiver;

  /// Whether the repository's address and the directory in it may be registered; gives them in
  /// their plain form. Fetches nothing. Errors: invalid.
  struct Source {
    std::string repository;
    std::string directory;
  };
  std::function<Result<Source>(std::string_view repository, std::string_view directory)>
      check_source;

  /// Whether the value of a secret may be fetched from there ("file:…", "exec:…"). Errors: invalid,
  /// forbidden (the operator has not allowed it).
  std::function<Result<void>(std::string_view source)> check_secret_source;

  /// Whether this may be the name of a branch or tag, or a commit; gives it in its plain form. Asks
  /// no host. Errors: invalid.
  std::function<Result<std::string>(std::string_view revision)> check_revision;

  /// What a deploy of it would change: {"commit", "unchanged", "schedules", "plugins", "build",
  /// "faults"}; with plugins resolved anew where that is wanted. Its key is empty where it is not
  /// made yet. May take as long as a fetch.
  std::function<Result<json::object>(const store::Deployment&, bool refresh_plugins)> plan;

  /// The Singer state ids that `meltano run WORDS` takes in this release, with the environment's
  /// suffix, or with `suffix` where it is not empty. Errors: invalid, when the words are no tasks.
  std::function<Result<std::vector<std::string>>(
      const store::Release&, const std::vector<std::string>& words, std::string_view suffix)>
      state_ids_of;

  /// Whether invitations with an address are mailed.
  bool has_mail_server = false;

  /// The address under which others reach this server, without a slash at its end.
  std::function<std::string()> public_url;
};

struct Context {
  db::Database& database;
  const store::Vault& vault;
  const Home& home;
  const Clock& clock;
  auth::Authenticator& authenticator;
  Hooks hooks;
  std::string version;
  store::Retention kept;  ///< what the operator chose
};

}  // namespace cupola::api
