#pragma once

/// Private keys as people paste them.

#include <string>

#include "base/secret.h"

namespace cupola::git {

/// The key with a newline at its end, which ssh insists on, and with plain ones between its lines.
inline Secret whole_key(const Secret& given) {
  std::string text;
  text.reserve(given.reveal().size() + 1);
  for (const char c : given.reveal()) {
    if (c != '\r') text += c;
  }
  if (!text.ends_with('\n')) text += '\n';
  return Secret(std::move(text));
}

}  // namespace cupola::git
