#include <cerrno>
#include <cstdio>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/outcome.h"
#include "supervisor/supervise.h"

namespace {

using cupola::Failure;

constexpr std::size_t largest_spec = 64u << 20;

constexpr const char* usage =
    "usage: cupola-supervisor < SPEC\n"
    "Holds one run of Cupola: reads its description, a JSON object, from standard input, and "
    "writes\n"
    "supervisor.json, started.json and result.json into the run's folder. The server starts it.\n";

std::string read_input() {
  std::string text;
  std::string buffer(64u << 10, '\0');
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Failure("Cannot read standard input: " + cupola::system_text(errno));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > largest_spec) throw Failure("The run's description is larger than 64 MiB.");
  }
}

/// Apart from the terminal and from the server's session; no core file that would hold secrets.
void detach() {
  ::setsid();
  ::umask(022);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  const cupola::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null) ::dup2(null.get(), STDIN_FILENO);
}

int hold_run() {
  const auto spec = cupola::supervisor::parse_spec(read_input());
  if (!spec) {
    std::fprintf(stderr,
                 "cupola-supervisor: the run's description on standard input is unusable: %s\n",
                 cupola::to_text(spec.error()).c_str());
    return 2;
  }
  detach();
  cupola::supervisor::supervise(*spec);
  return 0;
}

}  // namespace

int main(int argc, char**) {
  if (argc > 1) {
    std::fputs(usage, stderr);
    return 2;
  }
  try {
    return hold_run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "cupola-supervisor: %s\n", failure.what());
    return 1;
  }
}
