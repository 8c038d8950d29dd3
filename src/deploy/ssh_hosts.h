#pragma once

/// Git dependencies over ssh, asked by the server before an installer is. Their hosts are then
/// known in its box as well, and what keeps them from being read is told as it is of the project's
/// own repository.

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/home.h"
#include "deploy/environments.h"
#include "deploy/options.h"

namespace cupola::deploy {

/// The addresses after `git+` in requirements, without revision and options, each once.
std::vector<std::string> ssh_addresses(std::string_view requirements);

/// Visits each of them with the project's key. What keeps the first from being read, if anything: a
/// reason only if the installer fails as well, which may have the commit already. `what` is the
/// subject of the message.
std::optional<Error> visit_ssh_hosts(std::string_view what, std::string_view requirements,
                                     const Source& source, const Home& home, const Options& options,
                                     const std::stop_token& stop);

}  // namespace cupola::deploy
