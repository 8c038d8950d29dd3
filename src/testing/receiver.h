#pragma once

/// A receiver of webhooks on a port of the loopback, which says what it is told to say.

#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"

namespace cupola::testing {

class Receiver {
 public:
  struct Request {
    std::string head;  ///< request line and headers
    std::string body;
    /// The value of the header of that name (in lower case), or an empty text.
    std::string header(const std::string& name) const;
  };

  Receiver();
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string url() const;

  /// Gives these answers, one for each request, then 204 again. An empty one is no answer: the
  /// connection stays open and silent until this goes.
  void answer_with(std::vector<std::string> answers);
  /// What came so far.
  std::vector<Request> requests();

 private:
  /// Reads the one request of a connection. False when it is to stay open without an answer.
  bool is_answered(int connection);

  Fd listener_;
  int port_ = 0;
  std::mutex mutex_;
  std::deque<std::string> answers_;
  std::vector<Request> requests_;
  std::vector<Fd> silent_;  ///< the thread's alone
  std::jthread thread_;
};

/// "HTTP/1.1 <status> x", the headers, and no body.
std::string http_answer(int status, const std::string& headers = "");

}  // namespace cupola::testing
