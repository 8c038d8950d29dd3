#pragma once

/// Private keys as people paste them.

#include <string>
#include <string_view>

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

/// Why nobody can be asked with a key, as far as its text tells.
enum class KeyFault { none, passphrase, public_half, no_key };

inline KeyFault fault_of(const Secret& given) {
  const Secret key = whole_key(given);
  const std::string_view text = key.reveal();
  const auto has = [&](std::string_view part) { return text.find(part) != text.npos; };
  for (const std::string_view kind : {"ssh-", "ecdsa-", "sk-", "---- BEGIN SSH2 PUBLIC KEY"}) {
    if (text.starts_with(kind)) return KeyFault::public_half;
  }
  if (has("-----BEGIN ENCRYPTED PRIVATE KEY-----\n") || has("Proc-Type: 4,ENCRYPTED\n")) {
    return KeyFault::passphrase;
  }
  // What OpenSSH's own form begins with: its name and that of the cipher (PROTOCOL.key).
  constexpr std::string_view own = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA";
  if (has(own)) {
    return text.substr(text.find(own) + own.size()).starts_with("BG5vbmUAAAAE")
               ? KeyFault::none
               : KeyFault::passphrase;
  }
  return has("PRIVATE KEY-----\n") && !has("-----BEGIN OPENSSH") ? KeyFault::none
                                                                 : KeyFault::no_key;
}

}  // namespace cupola::git
