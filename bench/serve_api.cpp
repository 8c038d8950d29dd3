// serve_api HOME: the API alone over a home folder, without scheduler, runner and deployer. Prints
// its address, and serves until its standard input ends.

#include <cstdio>

#include <fmt/format.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/home.h"
#include "http/server.h"

namespace cupola {
namespace {

void serve(const Home& home) {
  const auto database = db::Database::open({.url = "sqlite:" + home.database().string()});
  const store::Vault vault = store::Vault::open(home.key(), *database);
  const SystemClock clock;
  auth::Authenticator authenticator(*database);
  const api::Context context{*database, vault, home, clock, authenticator, {}, "bench"};
  api::Api api(context);
  http::Options options;
  options.workers = 2;
  http::Server server(options, [&](const http::Request& request) { return api.handle(request); });
  server.start();
  fmt::print("http://127.0.0.1:{}\n", server.port());
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  server.stop();
}

}  // namespace
}  // namespace cupola

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: serve_api HOME\n", stderr);
    return 2;
  }
  try {
    cupola::serve(cupola::Home(argv[1]));
    return 0;
  } catch (const std::exception& exception) {
    fmt::print(stderr, "serve_api: {}\n", exception.what());
    return 1;
  }
}
