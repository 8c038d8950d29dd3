// Stands before the supervisor: adds a line with the nanoseconds since 1970 to the file `started`
// beside this program, then becomes the program `supervisor` beside it.

#include <climits>
#include <cstdio>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

int main(int, char** argv) {
  struct ::timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  char path[PATH_MAX + 16];
  const ssize_t length = ::readlink("/proc/self/exe", path, PATH_MAX);
  if (length < 0) return 1;
  path[length] = '\0';
  char* const name = std::strrchr(path, '/') + 1;
  std::strcpy(name, "started");
  const int file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dprintf(file, "%lld%09ld\n", static_cast<long long>(now.tv_sec), now.tv_nsec);
  ::close(file);
  std::strcpy(name, "supervisor");
  ::execv(path, argv);
  return 1;
}
