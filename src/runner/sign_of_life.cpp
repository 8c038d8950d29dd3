#include "runner/sign_of_life.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/id.h"
#include "base/outcome.h"

namespace cupola::runner {

SignOfLife::SignOfLife(std::filesystem::path file)
    : file_(std::move(file)), loop_("sign-of-life", [this]() {
        give();
        return std::optional<std::chrono::milliseconds>(1s);
      }) {}

/// In place, in the space that the file has: so it works on a full disk.
void SignOfLife::give() {
  if (!fd_) fd_ = Fd(::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string sign = new_uuid7();
  if (!fd_ || ::pwrite(fd_.get(), sign.data(), sign.size(), 0) < 0) {
    const std::string why = system_text(errno);
    fd_.reset();
    throw Failure("Cannot write " + file_.string() + ", without which runs are ended: " + why +
                  ". Make room, or make it writable.");
  }
}

}  // namespace cupola::runner
