#pragma once

/// Files, opened with care: beneath a folder, without following links, whole or not at all.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/outcome.h"

namespace cupola {

/// An open file descriptor that closes itself. -1 when empty.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

/// Opens `path` inside the folder `beneath` for reading. No step of the path may be a symbolic
/// link or lead out of the folder (openat2, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), and the file
/// must be a regular one. Errors: not_found, invalid (a link, a device, outside).
Result<Fd> open_beneath(const std::filesystem::path& beneath, const std::filesystem::path& path);

/// The whole of a regular file, at most `limit` bytes; too_large when there is more.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

/// The same, for a file that `open_beneath` would open.
Result<std::string> read_file_beneath(const std::filesystem::path& beneath,
                                      const std::filesystem::path& path, std::size_t limit);

/// Whether a file must be there after the machine went down, or only while it is up.
enum class Lasting { on_disk, while_up };

/// Puts `content` at `path` whole: a temporary file beside it, fsync, rename, fsync of the folder;
/// without both fsyncs what need not outlive the machine's uptime, such as the folder of a run.
/// Throws Failure with the path and the system's words (no space, not writable).
void write_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644,
                Lasting lasting = Lasting::on_disk);

/// A file without a name that holds `content`, to be read from its start: it touches no disk.
/// Throws Failure.
Fd file_in_memory(std::string_view content);

/// Makes the folder and those above it, `mode` for those it makes. Throws Failure.
void make_folder(const std::filesystem::path& path, unsigned mode = 0755);

/// Removes a tree, made writable first where needed, never following links out of it. What is not
/// there is no fault; false when something stayed.
bool remove_tree(const std::filesystem::path& path);

/// Free share of the file system that holds `path`, 0 to 1; 1 when it cannot be told.
double free_share(const std::filesystem::path& path);

}  // namespace cupola
