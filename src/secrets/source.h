#pragma once

/// Values that are kept elsewhere and fetched when a run starts: "file:PATH", as an agent of a
/// vault writes them, and "exec:PROGRAM WORDS…", as its client prints them.
///
/// Whoever may set a secret writes such a reference, and the server reads it as its own user: so
/// none is read but from folders and by programs that the operator named.

#include <chrono>
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "base/secret.h"

namespace cupola::secrets {

/// What the operator allows: nothing, unless named.
struct Options {
  std::vector<std::filesystem::path> folders;                      ///< `file:` reads below them
  std::vector<std::filesystem::path> programs;                     ///< `exec:` starts them
  std::chrono::milliseconds time_limit{std::chrono::seconds{10}};  ///< of one program
  std::filesystem::path home;                                      ///< HOME of programs
};

/// Whether such a value may be fetched here; looks at no file but the options' folders. Errors:
/// invalid (another form; no absolute path), forbidden (not below a folder, no such program
/// allowed).
Result<void> check_source(const Options& options, std::string_view source);

/// The value, at most 64 KiB, without one newline at its end. A program gets no shell and no input,
/// PATH, HOME, LANG and the server's proxies and certificates, and `about` besides. Errors: as
/// above; invalid (empty, too large, NUL), unavailable (cannot be read; the program failed or took
/// too long), with what it said on standard error.
Result<Secret> fetch(const Options& options, std::string_view source,
                     const std::map<std::string, std::string>& about,
                     const std::stop_token& stop = {});

}  // namespace cupola::secrets
