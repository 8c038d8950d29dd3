#pragma once

/// What git's words on standard error mean for the person who asked. Private to the module.

#include <string>
#include <string_view>

#include "base/outcome.h"
#include "git/repository.h"

namespace cupola::git {

enum class Complaint {
  missing_repository,
  no_rights,
  host_key,
  certificate,
  redirect,
  network,
  missing_revision,
  ownership,
  disk_full,
  too_large,
  other
};

Complaint classify(std::string_view words);

/// The Error for what git said about `url` (shown without credentials) when `access` asked.
Error to_error(Complaint complaint, std::string_view url, std::string_view words,
               const Access& access);

/// The line of git's words that tells most, without "fatal:" and credentials, for a message.
std::string main_line(std::string_view words);

}  // namespace cupola::git
