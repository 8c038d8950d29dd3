// Stands in for meltano where Cupola's own cost is measured: says when it was alive, in nanoseconds
// since 1970, and ends; with the last word "wait" when it is told to.

#include <cstdio>
#include <cstring>
#include <ctime>

#include <unistd.h>

int main(int argc, char** argv) {
  struct ::timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::fprintf(stderr, "{\"event\": \"alive %lld%09ld\", \"level\": \"info\"}\n",
               static_cast<long long>(now.tv_sec), now.tv_nsec);
  if (argc > 1 && std::strcmp(argv[argc - 1], "wait") == 0) ::pause();
  return 0;
}
