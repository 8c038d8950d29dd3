#pragma once

/// Which Python an environment is made with. None is ever fetched.

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/home.h"
#include "base/outcome.h"
#include "deploy/options.h"

namespace cupola::deploy {

struct Interpreter {
  std::filesystem::path path;    ///< of the program itself, links followed
  std::string version;           ///< "3.11.2"
  std::string minor;             ///< "3.11"
  std::string implementation;    ///< "cpython"
  std::string platform;          ///< "linux-x86_64 glibc2.36"
  std::filesystem::path prefix;  ///< to be shown in sandboxes; empty when it lies in /usr
};

/// Looks interpreters up and asks them, in the sandbox, what they are; answers are kept while the
/// program's file is the same. Any thread.
class Pythons {
 public:
  Pythons(const Home& home, const Options& options) : home_(home), options_(options) {}

  /// `wanted` is what `python:` says: a path, a name such as python3.11, or 3.11; empty: the
  /// system's /usr/bin/python3, else the PATH's. Errors: not_found (what to install), invalid (no
  /// Python, or at a place that runs may not see).
  Result<Interpreter> find(std::string_view wanted);

 private:
  Result<Interpreter> ask(const std::filesystem::path& program, std::filesystem::path prefix);

  Home home_;
  const Options& options_;
  std::mutex mutex_;
  std::map<std::string, Interpreter> known_;
};

}  // namespace cupola::deploy
