#include "testing/postgres_proxy.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/files.h"

namespace cupola::testing {
namespace {

/// A simple query (message Q of the protocol) of that one word.
constexpr std::string_view commit_message{"Q\0\0\0\013COMMIT\0", 12};

std::string option_of(const std::string& url, const char* name) {
  std::string value;
  PQconninfoOption* options = ::PQconninfoParse(url.c_str(), nullptr);
  for (PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr;
       ++option) {
    if (std::strcmp(option->keyword, name) == 0 && option->val != nullptr) value = option->val;
  }
  ::PQconninfoFree(options);
  return value;
}

void end_program(const char* what) {
  std::perror(what);
  std::abort();
}

Fd connect_to(const std::string& folder) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = folder + "/.s.PGSQL.5432";
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) {
    return {};
  }
  return fd;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

struct PostgresProxy::State {
  std::string folder;
  std::string url;
  Fd listener;
  std::atomic<Cut> next = Cut::none;
  std::atomic<int> cuts = 0;
  std::atomic<bool> closed = false;
  std::atomic<bool> ending = false;
  std::vector<std::jthread> connections;  // of the accepting thread
  std::jthread accepting;

  void accept() {
    while (!ending) {
      ::pollfd waiting{.fd = listener.get(), .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) != 1) continue;
      Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client || closed) continue;
      connections.emplace_back([this, client = std::move(client)]() mutable {
        if (Fd server = connect_to(folder)) pass(client.get(), server.get());
      });
    }
    connections.clear();
  }

  void pass(int client, int server) {
    std::array<char, 65536> buffer{};
    bool swallowing = false;
    while (!ending) {
      std::array<::pollfd, 2> both{{{.fd = client, .events = POLLIN, .revents = 0},
                                    {.fd = server, .events = POLLIN, .revents = 0}}};
      if (::poll(both.data(), both.size(), 20) <= 0) continue;
      const bool from_client = both[0].revents != 0;
      const ssize_t count = ::recv(from_client ? client : server, buffer.data(), buffer.size(), 0);
      if (count <= 0) return;
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
      if (!from_client && swallowing) return cut();
      if (from_client && bytes == commit_message) {
        const Cut wanted = next.exchange(Cut::none);
        if (wanted == Cut::before_commit) return cut();
        swallowing = wanted != Cut::none;
        if (wanted == Cut::answer_and_all) closed = true;
      }
      if (!send_all(from_client ? server : client, bytes)) return;
    }
  }

  void cut() { ++cuts; }
};

PostgresProxy::PostgresProxy(const std::string& url) : state_(std::make_unique<State>()) {
  state_->folder = option_of(url, "host");
  state_->listener = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  auto* plain = reinterpret_cast<::sockaddr*>(&address);
  ::socklen_t size = sizeof address;
  if (::bind(state_->listener.get(), plain, size) != 0 ||
      ::listen(state_->listener.get(), 64) != 0 ||
      ::getsockname(state_->listener.get(), plain, &size) != 0) {
    end_program("proxy");
  }
  std::string options = option_of(url, "options");
  for (std::size_t at = 0; (at = options.find('=', at)) != std::string::npos; at += 3) {
    options.replace(at, 1, "%3D");
  }
  state_->url = "postgresql://" + option_of(url, "user") +
                "@127.0.0.1:" + std::to_string(::ntohs(address.sin_port)) + "/" +
                option_of(url, "dbname") + "?sslmode=disable&gssencmode=disable&options=" + options;
  state_->accepting = std::jthread([this] { state_->accept(); });
}

PostgresProxy::~PostgresProxy() {
  state_->ending = true;
}

const std::string& PostgresProxy::url() const {
  return state_->url;
}
void PostgresProxy::cut_next(Cut cut) {
  state_->next = cut;
}
int PostgresProxy::cuts() const {
  return state_->cuts;
}
void PostgresProxy::let_in() {
  state_->closed = false;
}

PlainConnection::PlainConnection(const std::string& url) : connection_(::PQconnectdb(url.c_str())) {
  auto* connection = static_cast<PGconn*>(connection_);
  if (::PQstatus(connection) != CONNECTION_OK) end_program(::PQerrorMessage(connection));
}
PlainConnection::~PlainConnection() {
  ::PQfinish(static_cast<PGconn*>(connection_));
}

}  // namespace cupola::testing
