#include "db/postgres_listener.h"

#include <array>
#include <thread>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "db/postgres_connection.h"

namespace cupola::db {
namespace {

constexpr std::chrono::milliseconds pause_before_next{1000};

struct ConnectionCloser {
  void operator()(PGconn* connection) const { ::PQfinish(connection); }
};
using ConnectionPtr = std::unique_ptr<PGconn, ConnectionCloser>;
struct ResultCloser {
  void operator()(PGresult* result) const { ::PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ResultCloser>;
struct NewsFree {
  void operator()(PGnotify* news) const { ::PQfreemem(news); }
};
using NewsPtr = std::unique_ptr<PGnotify, NewsFree>;

class PostgresListener : public Listener {
 public:
  PostgresListener(std::string uri, std::string description, std::string origin,
                   std::function<void(std::string_view)> heard)
      : uri_(std::move(uri)),
        description_(std::move(description)),
        origin_(std::move(origin)),
        heard_(std::move(heard)),
        ending_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!ending_) throw Failure("Cannot listen to the database: " + system_text(errno));
    thread_ = std::jthread([this](const std::stop_token& token) { run(token); });
  }
  ~PostgresListener() override {
    thread_.request_stop();
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(ending_.get(), &one, sizeof one);
    thread_.join();
  }
  PostgresListener(const PostgresListener&) = delete;
  PostgresListener& operator=(const PostgresListener&) = delete;

 private:
  void run(const std::stop_token& token) {
    ::pthread_setname_np(::pthread_self(), "db-listener");
    bool complained = false;
    while (!token.stop_requested()) {
      const ConnectionPtr connection(::PQconnectdb(uri_.c_str()));
      if (start(*connection)) {
        if (complained) log_info("listening to the database {} again", description_);
        complained = false;
        heard_("");
        while (!token.stop_requested() && hear(*connection)) {
        }
      }
      if (token.stop_requested()) return;
      if (!complained) {
        log_warning("cannot listen to the database {}: {}; what other servers do is seen later",
                    description_, trim(::PQerrorMessage(connection.get())));
        complained = true;
      }
      wait(-1, pause_before_next);
    }
  }

  static bool start(PGconn& connection) {
    if (::PQstatus(&connection) != CONNECTION_OK) return false;
    const ResultPtr channel(::PQexec(&connection, fmt::format("SELECT {}", channel_sql).c_str()));
    if (::PQresultStatus(channel.get()) != PGRES_TUPLES_OK) return false;
    // Hex digits behind a word of ours: nothing in it needs more than the quotes.
    const ResultPtr listening(::PQexec(
        &connection, fmt::format("LISTEN \"{}\"", ::PQgetvalue(channel.get(), 0, 0)).c_str()));
    return ::PQresultStatus(listening.get()) == PGRES_COMMAND_OK;
  }

  /// Waits for news and passes them on; false when the connection is lost.
  bool hear(PGconn& connection) {
    wait(::PQsocket(&connection), std::chrono::minutes{1});
    if (::PQconsumeInput(&connection) == 0) return false;
    while (const NewsPtr news{::PQnotifies(&connection)}) {
      const std::string_view told = news->extra;
      const auto space = told.find(' ');
      if (space == std::string_view::npos || told.substr(space + 1) == origin_) continue;
      heard_(told.substr(0, space));
    }
    return ::PQstatus(&connection) == CONNECTION_OK;
  }

  void wait(int socket, std::chrono::milliseconds longest) {
    std::array<::pollfd, 2> watched{{{.fd = ending_.get(), .events = POLLIN, .revents = 0},
                                     {.fd = socket, .events = POLLIN, .revents = 0}}};
    ::poll(watched.data(), watched.size(), static_cast<int>(longest.count()));
  }

  const std::string uri_;
  const std::string description_;
  const std::string origin_;
  const std::function<void(std::string_view)> heard_;
  Fd ending_;
  std::jthread thread_;
};

}  // namespace

std::unique_ptr<Listener> listen_on_postgres(const std::string& uri, const std::string& description,
                                             const std::string& origin,
                                             std::function<void(std::string_view)> heard) {
  return std::make_unique<PostgresListener>(uri, description, origin, std::move(heard));
}

}  // namespace cupola::db
