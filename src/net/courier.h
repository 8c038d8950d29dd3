#pragma once

/// Sends many messages at once, HTTP requests and mails, on the thread that asks (libcurl's multi
/// interface): however slow one receiver is, the others are not held up.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "net/client.h"

namespace cupola::net {

/// A mail, handed to an SMTP server (RFC 5321).
struct Mail {
  std::string server;    ///< smtp://host:587 or smtps://host:465
  bool starttls = true;  ///< of smtp://: nothing is said in the clear
  std::string user;      ///< empty: without a login
  Secret password;
  std::string from;  ///< bare addresses
  std::string to;
  std::string data;  ///< header and body, lines end with CRLF
  Timeouts timeouts;
};

/// How a message ended.
struct Outcome {
  int status = 0;        ///< of HTTP, or the last of SMTP; 0: there was none
  Headers headers;       ///< of HTTP; names in lower case
  std::string error;     ///< why no whole answer came; empty: one did
  bool refused = false;  ///< the guard did not let it be dialled
  std::chrono::milliseconds took{0};
};

/// For one thread; `wake` alone is for any.
class Courier {
 public:
  using Done = std::function<void(Outcome)>;

  Courier();
  /// Messages that are under way are given up, and their `done` is not called.
  ~Courier();
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  /// Begins. Of the answer's body only `most` bytes are read: what comes after is of no interest,
  /// and the answer counts as whole. Its header may have 64 KiB.
  void send(Request request, Done done);
  void send(Mail mail, Done done);

  /// Works until some have ended, `wake` was called or `longest` is over; calls `done` of each.
  void wait(std::chrono::milliseconds longest);
  void wake();
  std::size_t under_way() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cupola::net
