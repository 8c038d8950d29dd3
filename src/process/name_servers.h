#pragma once

/// Which name servers a run with a network of its own asks.

#include <filesystem>
#include <string>
#include <vector>

#include "base/outcome.h"

namespace cupola::process {

struct Resolver {
  std::vector<std::string> servers;  ///< IPv4 addresses
  std::string text;                  ///< a resolv.conf(5) with these, and the host's search domains
};

/// The first of `files` (the host's resolv.conf, then where systemd-resolved keeps the servers that
/// it asks itself) that names one outside this machine: what listens on the host's loopback is not
/// reached from another network namespace. `given`, if not empty, are the servers in any case.
/// Errors: not_found, with what the files name.
Result<Resolver> find_resolver(const std::vector<std::string>& given,
                               const std::vector<std::filesystem::path>& files = {
                                   "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"});

}  // namespace cupola::process
