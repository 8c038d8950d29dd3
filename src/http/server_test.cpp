#include "http/server.h"

#include <atomic>
#include <future>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/time.h"

namespace cupola::http {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A plain socket, so that tests can say what no well-behaved client would.
class Client {
 public:
  explicit Client(unsigned short port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }

  bool connected() const { return connected_; }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  /// What comes until the other side closes, or until `end` was read.
  std::string read(std::string_view end = "", int patience_ms = 10000) {
    std::string text;
    char bytes[4096];
    while (end.empty() || text.find(end) == std::string::npos) {
      pollfd ready{fd_.get(), POLLIN, 0};
      if (::poll(&ready, 1, patience_ms) <= 0) return text + "<nothing more came>";
      const ssize_t size = ::recv(fd_.get(), bytes, sizeof(bytes), 0);
      if (size <= 0) break;
      text.append(bytes, static_cast<std::size_t>(size));
    }
    return text;
  }

  std::string ask(std::string_view bytes) {
    send(bytes);
    return read();
  }

 private:
  Fd fd_;
  bool connected_ = false;
};

Reply echo(const Request& request) {
  Reply reply;
  reply.content_type = "text/plain";
  reply.body =
      fmt::format("{} {} [{}]", static_cast<int>(request.method), request.path, request.body);
  return reply;
}

Options quick_options() {
  Options options;
  options.header_time = 300ms;
  options.body_time = 300ms;
  options.idle_time = 300ms;
  options.longest_body = 1000;
  options.longest_large_body = 3000;
  options.may_be_large = [](std::string_view target) { return target == "/large"; };
  options.longest_header = 4096;
  return options;
}

class ServerTest : public ::testing::Test {
 protected:
  void serve(Handler handler, Options options = quick_options()) {
    server_.emplace(std::move(options), std::move(handler));
    server_->start();
  }
  std::string ask(std::string_view bytes) { return Client(server_->port()).ask(bytes); }

  std::optional<Server> server_;
};

TEST_F(ServerTest, AnswersWithLengthIdAndSecurityHeaders) {
  serve(echo);

  const std::string reply = ask("GET /a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(reply, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 7\r\n"),
                           HasSubstr("X-Content-Type-Options: nosniff\r\n"),
                           HasSubstr("Cache-Control: no-store\r\n"), HasSubstr("X-Request-Id: "),
                           HasSubstr("Connection: close\r\n"), EndsWith("\r\n\r\n0 /a []")));
}

TEST_F(ServerTest, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  serve(echo);
  Client client(server_->port());

  client.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
      "POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n"
      "GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string replies = client.read();

  EXPECT_THAT(replies,
              testing::ContainsRegex("0 /1 \\[\\](.|\n)*2 /2 \\[abc\\](.|\n)*2 /3 \\[def\\](.|\n)*"
                                     "0 /4 \\[\\]"));
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  serve(echo);

  const std::string reply = ask("HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(reply, AllOf(HasSubstr("Content-Length: 7\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(ServerTest, RefusesWhatTwoServersCouldReadInTwoWays) {
  std::atomic<int> handled = 0;
  serve([&](const Request& request) {
    ++handled;
    return echo(request);
  });
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

  for (const std::string& headers : std::vector<std::string>{
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
           "Content-Length: 5\r\nContent-Length: 6\r\n",
           "Content-Length: 5\r\nContent-Length: 5\r\n",
           "Content-Length: +5\r\n",
           "Content-Length: 5, 5\r\n",
           "Content-Length: -1\r\n",
           "Transfer-Encoding: identity\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n",
           "Transfer-Encoding : chunked\r\n",
           "Transfer-Encoding:\x0b chunked\r\n",
           "Host: y\r\n",
           "A: b\rContent-Length: 5\r\n",
           "A: b\nContent-Length: 5\r\n",
           std::string("A: \0\r\n", 6),
       }) {
    const std::string reply =
        ask("POST /first HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n0\r\n\r\n" + smuggled);

    EXPECT_THAT(reply, AllOf(StartsWith("HTTP/1.1 4"), HasSubstr("Connection: close"),
                             HasSubstr("\"request_id\":"), Not(HasSubstr("smuggled"))))
        << headers;
  }
  EXPECT_EQ(handled, 0);
}

TEST_F(ServerTest, RefusesMalformedRequestsAndCloses) {
  serve(echo);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"GET /\r\n\r\n", "HTTP/1.1 4"},
      {"nonsense\r\n\r\n", "HTTP/1.1 4"},
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls\r\n\r\n", "HTTP/1.1 4"},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 "},
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 400"},
      {"GET /%2e%2e/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 400"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", "HTTP/1.1 4"},
      {"GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(5000, 'a') + "\r\n\r\n", "HTTP/1.1 431"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413"},
      {"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 3001\r\n\r\n", "HTTP/1.1 413"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n", "HTTP/1.1 413"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
           std::string(2000, 'a') + "\r\n0\r\n\r\n",
       "HTTP/1.1 413"},
  };

  for (const auto& [request, expected] : cases) {
    EXPECT_THAT(ask(request), AllOf(StartsWith(expected), Not(StartsWith("HTTP/1.1 2"))))
        << request.substr(0, 60);
  }
}

TEST_F(ServerTest, WhatMayBeLargeHasALimitOfItsOwn) {
  serve(echo);
  const std::string body(2500, 'a');

  EXPECT_THAT(ask("POST /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2500"
                  "\r\n\r\n" +
                  body),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("POST /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n9c4\r\n" +
                  body + "\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2500\r\n\r\n" + body),
              AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("limit of 1000 bytes")));
  EXPECT_THAT(ask("POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 3001\r\n\r\n"),
              HasSubstr("limit of 3000 bytes"));
}

TEST_F(ServerTest, ClosesOnThoseWhoTakeForever) {
  serve(echo);

  for (const char* start : {"", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n",
                            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab"}) {
    const auto began = std::chrono::steady_clock::now();
    const std::string reply = ask(start);

    EXPECT_THAT(reply, Not(HasSubstr("nothing more came"))) << start;
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s) << start;
  }
}

TEST_F(ServerTest, ADripOfHeadersDoesNotMoveTheDeadline) {
  serve(echo);
  Client client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n");
  const auto began = std::chrono::steady_clock::now();

  while (client.read("\n", 50).ends_with("came>")) {
    ASSERT_LT(std::chrono::steady_clock::now() - began, 5s);
    client.send("A: b\r\n");
  }

  EXPECT_GT(std::chrono::steady_clock::now() - began, 200ms);
}

TEST_F(ServerTest, Case16BodiesThatAreOnlyAnnouncedKeepNobodyOut) {
  Options options = quick_options();
  options.body_time = 10s;
  options.body_memory = 2500;
  serve(echo, options);
  std::vector<std::unique_ptr<Client>> announcing;
  for (int i = 0; i < 10; ++i) {
    announcing.push_back(std::make_unique<Client>(server_->port()));
    announcing.back()->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na");
  }
  while (server_->connections() < 10) std::this_thread::yield();

  const std::string body(900, 'b');
  const std::string reply = ask(
      "POST /mine HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 900\r\n\r\n" + body);

  EXPECT_THAT(reply, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr(body)));
}

TEST_F(ServerTest, Case16BodiesTogetherAreHeldWithinTheirMemory) {
  Options options = quick_options();
  options.body_time = 10s;
  options.body_memory = 2500;
  serve(echo, options);
  std::vector<std::unique_ptr<Client>> sending;
  for (int i = 0; i < 3; ++i) {
    sending.push_back(std::make_unique<Client>(server_->port()));
    sending.back()->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" +
                         std::string(999, 'a'));
  }
  int refused = 0;
  for (auto& client : sending)
    refused += client->read("}", 500).starts_with("HTTP/1.1 503") ? 1 : 0;

  EXPECT_EQ(refused, 1);
}

TEST_F(ServerTest, SaysContinueToThoseWhoAsk) {
  serve(echo);
  Client client(server_->port());

  client.send(
      "PUT /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_EQ(client.read("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ab");

  EXPECT_THAT(client.read(), EndsWith("[ab]"));
}

TEST_F(ServerTest, AnExceptionIsA503WithTheRequestsId) {
  serve([](const Request&) -> Reply { throw Failure("the database is gone"); });

  const std::string reply = ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(reply, AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("\"request_id\":\""),
                           Not(HasSubstr("database"))));
  const auto id = reply.substr(reply.find("\"request_id\":\"") + 14);
  EXPECT_THAT(reply, HasSubstr("the reason, under " + id.substr(0, id.find('"')) + "."));
}

TEST_F(ServerTest, StreamsInChunksAndKeepsTheConnection) {
  serve([](const Request& request) {
    Reply reply = echo(request);
    reply.stream = [left = 3]() mutable {
      return StreamStep{fmt::format("part {}\n", left), --left == 0, 1ms};
    };
    return reply;
  });

  const std::string reply = ask(
      "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  const std::string chunks = "7\r\npart 3\n\r\n7\r\npart 2\n\r\n7\r\npart 1\n\r\n0\r\n\r\n";
  EXPECT_THAT(reply, AllOf(HasSubstr("Transfer-Encoding: chunked\r\n"),
                           HasSubstr(chunks + "HTTP/1.1 200"), EndsWith(chunks)));
}

TEST_F(ServerTest, AStreamThatFailsIsNotEndedAsIfWhole) {
  serve([](const Request&) {
    Reply reply;
    reply.stream = []() -> StreamStep { throw Failure("disk"); };
    return reply;
  });

  const std::string reply = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");

  EXPECT_THAT(reply, AllOf(StartsWith("HTTP/1.1 200"), Not(HasSubstr("\r\n0\r\n"))));
}

TEST_F(ServerTest, AStreamEndsWhenItsReaderIsGone) {
  auto steps = std::make_shared<std::atomic<int>>(0);
  serve([steps](const Request&) {
    Reply reply;
    reply.stream = [steps] {
      ++*steps;
      return StreamStep{.again_in = 5ms};
    };
    return reply;
  });
  std::optional<Client> client(server_->port());
  client->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client->read("\r\n\r\n");

  client.reset();

  const auto began = std::chrono::steady_clock::now();
  while (server_->connections() > 0 && std::chrono::steady_clock::now() - began < 5s) {
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(ServerTest, Case16StreamsThatAreBusyKeepNoRequestWaiting) {
  std::promise<void> let_go;
  serve([held = let_go.get_future().share()](const Request& request) {
    Reply reply = echo(request);
    if (request.path == "/stream") {
      reply.stream = [held] {
        held.wait();
        return StreamStep{.finished = true};
      };
    }
    return reply;
  });
  std::vector<std::unique_ptr<Client>> followers;
  for (int i = 0; i < 20; ++i) {
    followers.push_back(std::make_unique<Client>(server_->port()));
    followers.back()->send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    followers.back()->read("\r\n\r\n");
  }

  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));

  let_go.set_value();
}

TEST_F(ServerTest, AThousandIdleStreamsLeaveOthersFast) {
  serve([](const Request& request) {
    Reply reply = echo(request);
    if (request.path == "/stream") reply.stream = [] { return StreamStep{.again_in = 1s}; };
    return reply;
  });
  std::vector<std::unique_ptr<Client>> followers;
  for (int i = 0; i < 1000; ++i) {
    followers.push_back(std::make_unique<Client>(server_->port()));
    ASSERT_TRUE(followers.back()->connected());
    followers.back()->send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  for (const auto& follower : followers) follower->read("\r\n\r\n");

  const auto began = std::chrono::steady_clock::now();
  const std::string reply = ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  server_->stop();
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(ServerTest, TheReasonBesideTheStatusIsOneSafeLine) {
  serve([](const Request&) {
    return Reply{.status = 404,
                 .reason = "No \x1b[1m such\r\nSet-Cookie: a=b \xc3\xa4\xe2\x80\xa6 thing"};
  });

  const std::string reply = ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(reply, StartsWith("HTTP/1.1 404 No ?[1m such?Set-Cookie: a=b ? thing\r\nDate: "));
}

TEST_F(ServerTest, RepliesThatComeLateHoldNoThread) {
  constexpr int many = 20;
  std::atomic<int> asked = 0;  // how many of them, at least once
  std::atomic<bool> may_come = false;
  std::atomic<bool> ends_badly = false;
  Options options = quick_options();
  options.workers = 1;
  options.stream_workers = 1;
  options.idle_time = 10s;
  serve(
      [&](const Request& request) {
        if (request.path != "/late") return echo(request);
        Reply reply;
        reply.later = [&, is_first = std::make_shared<bool>(true)]() -> std::optional<Reply> {
          if (std::exchange(*is_first, false)) ++asked;
          if (ends_badly) throw std::runtime_error("no");
          if (!may_come) return std::nullopt;
          return Reply{.status = 202, .body = "late"};
        };
        return reply;
      },
      options);
  const std::string late = "GET /late HTTP/1.1\r\nHost: x\r\n\r\n";
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 0; i < many; ++i) {
    waiting.push_back(std::make_unique<Client>(server_->port()));
    waiting.back()->send(late);
  }

  for (int i = 0; i < 200 && asked < many; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(asked, many);  // by one thread: it stays with none
  EXPECT_THAT(ask("GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("/quick"));
  may_come = true;
  for (const auto& client : waiting) {
    EXPECT_THAT(client->read("late"), AllOf(StartsWith("HTTP/1.1 202"), EndsWith("late")));
    client->send("GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client->read(), HasSubstr("/next"));
  }
  ends_badly = true;
  EXPECT_THAT(ask(late.substr(0, late.size() - 2) + "Connection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 503"));
  ends_badly = may_come = false;
  Client last(server_->port());
  last.send(late);
  EXPECT_THAT(last.read("\r\n", 400), HasSubstr("<nothing more came>"));
  server_->stop();
  EXPECT_THAT(last.read(), StartsWith("HTTP/1.1 503"));
}

TEST_F(ServerTest, SlowWorkDoesNotHoldUpTheRest) {
  std::promise<void> go_on;
  std::shared_future<void> may_go_on = go_on.get_future().share();
  serve([may_go_on](const Request& request) {
    Reply reply = echo(request);
    if (request.path == "/slow") {
      reply.slow = [may_go_on] {
        may_go_on.wait();
        return Reply{.body = "late"};
      };
    }
    return reply;
  });
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 8; ++i) {
    slow.push_back(std::make_unique<Client>(server_->port()));
    slow.back()->send("GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }

  const std::string quick = ask("GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  go_on.set_value();

  EXPECT_THAT(quick, EndsWith("0 /quick []"));
  for (const auto& client : slow) EXPECT_THAT(client->read(), EndsWith("late"));
}

TEST_F(ServerTest, StopLetsARequestEndAndDropsIdleConnections) {
  std::promise<void> entered;
  serve([&](const Request& request) {
    entered.set_value();
    std::this_thread::sleep_for(100ms);
    return echo(request);
  });
  Client idle(server_->port());
  Client busy(server_->port());
  busy.send("GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
  entered.get_future().wait();

  server_->stop();

  EXPECT_THAT(busy.read(), EndsWith("0 /last []"));
  EXPECT_EQ(idle.read(), "");
  EXPECT_FALSE(Client(server_->port()).connected());
  server_->stop();
}

TEST_F(ServerTest, MoreConnectionsThanAllowedWait) {
  Options options = quick_options();
  options.connections = 2;
  options.idle_time = options.header_time = 10s;
  serve(echo, options);
  std::optional<Client> first(server_->port());
  const Client second(server_->port());
  while (server_->connections() < 2) std::this_thread::sleep_for(1ms);
  Client third(server_->port());
  third.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(third.read("", 100), HasSubstr("nothing more came"));

  first.reset();

  EXPECT_THAT(third.read(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, ATakenAddressIsToldWithARemedy) {
  serve(echo);
  Options taken;
  taken.port = server_->port();
  Options foreign;
  foreign.address = "192.0.2.1";
  Options nonsense;
  nonsense.address = "not-an-address";

  const auto message = [](const Options& options) {
    try {
      const Server other(options, echo);
      return std::string();
    } catch (const Failure& failure) {
      return std::string(failure.what());
    }
  };

  EXPECT_THAT(message(taken), AllOf(HasSubstr(std::to_string(taken.port)), HasSubstr("Another")));
  EXPECT_THAT(message(foreign), HasSubstr("192.0.2.1"));
  EXPECT_THAT(message(nonsense), HasSubstr("no IP address"));
}

TEST_F(ServerTest, AHeaderValueCannotBeginAnother) {
  serve([](const Request& request) {
    Reply reply = echo(request);
    reply.headers.emplace_back("X-Name", "a\r\nSet-Cookie: b");
    return reply;
  });

  const std::string reply = ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(reply, Not(HasSubstr("\nSet-Cookie")));
}

}  // namespace
}  // namespace cupola::http
