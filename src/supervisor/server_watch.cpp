#include "supervisor/server_watch.h"

#include "base/files.h"
#include "base/time.h"

namespace cupola::supervisor {
namespace {

constexpr std::chrono::milliseconds between_looks = 1s;

}  // namespace

ServerWatch::ServerWatch(std::filesystem::path file, std::chrono::milliseconds longest_silence)
    : file_(std::move(file)), most_looks_(static_cast<int>(longest_silence / between_looks)) {
  if (!file_.empty() && most_looks_ > 0) due_ = std::chrono::steady_clock::now() + between_looks;
}

bool ServerWatch::is_silent(Time now) {
  due_ = now + between_looks;
  const auto sign = read_file(file_, 256);
  if (sign && *sign != last_) {
    last_ = *sign;
    unchanged_ = 0;
    return false;
  }
  return ++unchanged_ >= most_looks_;
}

}  // namespace cupola::supervisor
