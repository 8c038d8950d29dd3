#include "supervisor/result_file.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/files.h"

namespace cupola::supervisor {
namespace {

namespace fs = std::filesystem;

constexpr off_t reserved_size = 16384;
constexpr int commit_tries = 60;

[[noreturn]] void fail(std::string_view what, const fs::path& path, int error = errno) {
  throw Failure(fmt::format("Cannot {} {}: {}.", what, path.string(), system_text(error)));
}

void write_whole(const Fd& file, std::string_view content, const fs::path& path) {
  for (std::size_t at = 0; at < content.size();) {
    const ssize_t count =
        ::pwrite(file.get(), content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write", path);
    at += static_cast<std::size_t>(count);
  }
}

void rename_to(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail("rename a file to", to);
}

}  // namespace

void put_file(const fs::path& path, std::string_view content) {
  const fs::path temporary = path.string() + ".new";
  {
    const Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file) fail("make", temporary);
    write_whole(file, content, temporary);
  }
  rename_to(temporary, path);
}

ReservedFile::ReservedFile(fs::path path)
    : path_(std::move(path)), reserve_(path_.string() + ".reserved") {
  const Fd file(::open(reserve_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) fail("make", reserve_);
  if (const int error = ::posix_fallocate(file.get(), 0, reserved_size); error != 0) {
    fail("reserve space for", path_, error);
  }
  crash_point("supervisor.reserved");
}

void ReservedFile::write(std::string_view content, Durable durable) const {
  const Fd file(::open(reserve_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file) fail("open", reserve_);
  write_whole(file, content, reserve_);
  if (::ftruncate(file.get(), static_cast<off_t>(content.size())) != 0) fail("cut", reserve_);
  if (durable == Durable::no) return rename_to(reserve_, path_);
  crash_point("result.written");
  if (::fsync(file.get()) != 0) {
    const int error = errno;
    if (error == EIO) ::unlink(reserve_.c_str());
    fail("bring to disk", reserve_, error);
  }
  crash_point("result.synced");
  rename_to(reserve_, path_);
  crash_point("result.renamed");
  const Fd folder(::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) fail("write the folder of", path_);
}

void ReservedFile::put(std::string_view content) const {
  write(content, Durable::no);
}

void ReservedFile::commit(std::string_view content) const {
  for (int tries = 1;; ++tries) {
    try {
      return write(content, Durable::yes);
    } catch (const Failure& failure) {
      if (tries == commit_tries) throw;
      std::fprintf(stderr, "%s Trying again.\n", failure.what());
    }
    ::sleep(1);
  }
}

}  // namespace cupola::supervisor
