#pragma once

/// What Ctrl-C says while something is watched that goes on without us.

#include <string>

namespace cupola::cli {

/// While it lives, SIGINT writes `text` to standard error and then ends the program as SIGINT does.
/// One at a time.
class InterruptNote {
 public:
  explicit InterruptNote(std::string text);
  ~InterruptNote();
  InterruptNote(const InterruptNote&) = delete;
  InterruptNote& operator=(const InterruptNote&) = delete;
};

}  // namespace cupola::cli
