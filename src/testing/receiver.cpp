#include "testing/receiver.h"

#include <cstdlib>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

namespace cupola::testing {
namespace {

std::size_t length_in(const std::string& head) {
  const auto at = to_lower(head).find("content-length:");
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 15, nullptr, 10);
}

}  // namespace

std::string Receiver::Request::header(const std::string& name) const {
  for (const auto line : split(head, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || to_lower(line.substr(0, colon)) != name) continue;
    return std::string(trim(line.substr(colon + 1)));
  }
  return "";
}

Receiver::Receiver() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), raw, size) != 0 || ::listen(listener_.get(), 64) != 0) std::abort();
  ::getsockname(listener_.get(), raw, &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& token) {
    while (!token.stop_requested()) {
      Fd connection{::accept(listener_.get(), nullptr, nullptr)};
      if (connection.get() < 0) return;
      if (!is_answered(connection.get())) silent_.push_back(std::move(connection));
    }
  });
}

Receiver::~Receiver() {
  ::shutdown(listener_.get(), SHUT_RDWR);
}

std::string Receiver::url() const {
  return fmt::format("http://127.0.0.1:{}/hook", port_);
}

void Receiver::answer_with(std::vector<std::string> answers) {
  const std::scoped_lock lock(mutex_);
  answers_.assign(answers.begin(), answers.end());
}

std::vector<Receiver::Request> Receiver::requests() {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

bool Receiver::is_answered(int connection) {
  std::string got;
  char buffer[4096];
  std::size_t head = std::string::npos;
  while (head == std::string::npos || got.size() < head + 4 + length_in(got.substr(0, head))) {
    const auto count = ::read(connection, buffer, sizeof buffer);
    if (count <= 0) return true;
    got.append(buffer, static_cast<std::size_t>(count));
    head = got.find("\r\n\r\n");
  }
  std::string answer = http_answer(204);
  {
    const std::scoped_lock lock(mutex_);
    if (!answers_.empty()) {
      answer = answers_.front();
      answers_.pop_front();
    }
    requests_.push_back({.head = got.substr(0, head), .body = got.substr(head + 4)});
  }
  return !answer.empty() && ::write(connection, answer.data(), answer.size()) >= 0;
}

std::string http_answer(int status, const std::string& headers) {
  return fmt::format("HTTP/1.1 {} x\r\nConnection: close\r\n{}{}\r\n", status, headers,
                     status == 204 ? "" : "Content-Length: 0\r\n");
}

}  // namespace cupola::testing
