#include "base/crash_point.h"

#ifdef CUPOLA_CRASH_POINTS

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

namespace cupola {
namespace {

constexpr const char* place_variable = "CUPOLA_CRASH_AT";
constexpr const char* mark_variable = "CUPOLA_CRASH_MARK";

struct Wanted {
  std::string_view name;
  int pass = 1;
};

Wanted wanted() {
  const char* value = std::getenv(place_variable);
  if (value == nullptr) return {};
  const std::string_view text = value;
  const auto colon = text.find(':');
  Wanted result{.name = text.substr(0, colon)};
  if (colon != std::string_view::npos) {
    const std::string_view number = text.substr(colon + 1);
    std::from_chars(number.data(), number.data() + number.size(), result.pass);
  }
  return result;
}

}  // namespace

void crash_point(CrashPoint point) {
  static const Wanted at = wanted();
  static std::atomic<int> passes = 0;
  if (crash_points[point.index()] != at.name || ++passes != at.pass) return;
  if (const char* mark = std::getenv(mark_variable)) ::close(::creat(mark, 0600));
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();  // the signal may reach another thread first
}

std::map<std::string, std::string> crash_environment() {
  std::map<std::string, std::string> environment;
  for (const char* name : {place_variable, mark_variable}) {
    if (const char* value = std::getenv(name)) environment[name] = value;
  }
  return environment;
}

}  // namespace cupola

#endif
