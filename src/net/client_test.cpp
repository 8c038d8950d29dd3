#include "net/client.h"

#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"

namespace cupola::net {
namespace {

/// A server for one connection: reads until the head (and `body_size` bytes) came, then answers.
class OneAnswer {
 public:
  OneAnswer(std::string answer, std::size_t body_size = 0, bool stays_open = false)
      : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_.get(), raw, size) != 0 || listen(listener_.get(), 1) != 0) std::abort();
    getsockname(listener_.get(), raw, &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this, answer = std::move(answer), body_size, stays_open] {
      const Fd connection{accept(listener_.get(), nullptr, nullptr)};
      char buffer[4096];
      while (true) {
        const auto head = got_.find("\r\n\r\n");
        if (head != std::string::npos && got_.size() >= head + 4 + body_size) break;
        const auto count = read(connection.get(), buffer, sizeof buffer);
        if (count <= 0) break;
        got_.append(buffer, static_cast<std::size_t>(count));
      }
      if (write(connection.get(), answer.data(), answer.size()) < 0) return;
      while (stays_open && read(connection.get(), buffer, sizeof buffer) > 0) {
      }
    });
  }

  std::string url(std::string_view path = "/") const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
  }
  /// What the client sent; waits for the end of the connection.
  const std::string& got() {
    if (thread_.joinable()) thread_.join();
    return got_;
  }

 private:
  Fd listener_;
  int port_ = 0;
  std::string got_;
  std::jthread thread_;
};

TEST(ClientTest, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  OneAnswer server(
      "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ndone", 5);

  const auto response = send({.method = "POST",
                              .url = server.url("/things"),
                              .headers = {{"Authorization", "Bearer x"}},
                              .body = "hello"});

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "done");
  EXPECT_EQ(response->header("content-type"), "text/plain");
  EXPECT_TRUE(server.got().starts_with("POST /things HTTP/1.1\r\n"));
  EXPECT_NE(server.got().find("Authorization: Bearer x\r\n"), std::string::npos);
  EXPECT_TRUE(server.got().ends_with("\r\n\r\nhello"));
}

TEST(ClientTest, KeepsTheBodyOfAnErrorAlsoWhenAStreamWasWanted) {
  OneAnswer server("HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nnothing");

  const auto response = stream({.url = server.url()}, [](std::string_view) { return true; });

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "nothing");
}

TEST(ClientTest, GivesAStreamAsItComesAndEndsWhenTheReceiverHasEnough) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", 0,
                   true);
  std::string got;

  const auto response = stream({.url = server.url()}, [&](std::string_view chunk) {
    got += chunk;
    return !got.ends_with("\n\n");
  });

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(got, "data: 1\n\n");
}

TEST(ClientTest, TellsThatAConnectionBrokeInTheMiddle) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");

  const auto response = send({.url = server.url()});

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Error::Kind::unavailable);
}

TEST(ClientTest, RefusesAnAnswerThatIsTooLarge) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");

  const auto response = send({.url = server.url(), .most = 9});

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Error::Kind::too_large);
}

TEST(ClientTest, NamesTheAddressThatCannotBeReachedWithoutItsPassword) {
  const auto response = send({.url = "http://ada:secret@127.0.0.1:1/path?token=secret"});

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Error::Kind::unavailable);
  EXPECT_NE(response.error().message.find("http://127.0.0.1:1"), std::string::npos);
  EXPECT_EQ(response.error().message.find("secret"), std::string::npos);
}

TEST(ClientTest, ReachesThisMachineWithoutTheProxyAndOthersThroughIt) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

  const auto own = send({.url = server.url()});
  const auto other = send({.url = "http://cupola.example/"});
  unsetenv("http_proxy");

  EXPECT_TRUE(own);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("port 1 "), std::string::npos) << other.error().message;
}

TEST(ClientTest, SpeaksHttpAndHttpsOnly) {
  const auto response = send({.url = "file:///etc/passwd"});

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Error::Kind::invalid);
}

TEST(ClientTest, GivesUpWhenTheTimeIsOver) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", 0, true);

  const auto response =
      send({.url = server.url(), .timeouts = {.total = std::chrono::milliseconds{100}}});

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Error::Kind::unavailable);
}

}  // namespace
}  // namespace cupola::net
