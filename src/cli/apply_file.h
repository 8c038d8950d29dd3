#pragma once

/// What an organization is to be, read from a YAML file: for `cupola apply`. docs/apply.md has the
/// form. Pure: text in, wishes or the first fault out, with its line.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/outcome.h"

namespace cupola::cli {

struct WantedNotification {
  std::uint32_t line = 0;
  std::string type;  ///< webhook or email
  std::string recipient;
  json::array filters;
  std::string payload = "page";
  bool only_on_change = false;
  bool active = true;
};

struct WantedSchedule {
  std::uint32_t line = 0;
  std::string name;
  std::optional<bool> enabled;
  /// What PATCH of a schedule takes, as it is: the server knows the names.
  json::object settings;
};

// A list that the file does not have is none that it speaks of; an empty one is one of nothing.

struct WantedDeployment {
  std::uint32_t line = 0;
  std::string name;
  std::string environment;
  std::string revision;
  std::optional<std::vector<WantedSchedule>> schedules;
  std::optional<std::vector<WantedNotification>> notifications;
};

struct WantedProject {
  std::uint32_t line = 0;
  std::string name;
  std::string repository;
  std::string directory = ".";
  std::optional<std::vector<WantedDeployment>> deployments;
  std::optional<std::vector<WantedNotification>> notifications;
};

struct WantedMember {
  std::uint32_t line = 0;
  std::string login;  ///< or an e-mail address, which is invited where it is nobody's
  std::string role;
};

struct WantedServiceAccount {
  std::uint32_t line = 0;
  std::string name;
  std::string role;
};

struct WantedOrganization {
  std::uint32_t line = 0;  ///< of `name`
  std::string name;        ///< empty: whichever the token is of
  std::optional<std::vector<WantedMember>> members;
  std::optional<std::vector<WantedServiceAccount>> service_accounts;
  std::optional<std::vector<WantedProject>> projects;
  std::optional<std::vector<WantedNotification>> notifications;
};

/// "FILE:LINE: message": a fault at a line of the file.
Error fault_at(std::string_view file, std::uint32_t line, std::string_view message,
               std::string hint = "");

/// Errors: invalid, as `fault_at`.
Result<WantedOrganization> read_apply_file(std::string_view file, std::string_view text);

}  // namespace cupola::cli
