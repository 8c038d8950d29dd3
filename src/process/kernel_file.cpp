#include "process/kernel_file.h"

#include <array>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

namespace cupola::process {

std::string text_of(const std::filesystem::path& file) {
  constexpr std::size_t most = 1u << 20;
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> buffer;
  while (fd && text.size() < most) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

std::optional<std::uint64_t> start_time_of(int pid) {
  const std::string stat = text_of(fmt::format("/proc/{}/stat", pid));
  const auto end_of_name = stat.rfind(')');  // the name may hold spaces and parentheses
  if (end_of_name == std::string::npos || end_of_name + 2 > stat.size()) return std::nullopt;
  const auto fields = split(std::string_view(stat).substr(end_of_name + 2), ' ');
  constexpr std::size_t start_field = 22 - 3;  // the first one here is field 3
  if (fields.size() <= start_field) return std::nullopt;
  std::uint64_t ticks = 0;
  const auto field = fields[start_field];
  const auto read = std::from_chars(field.data(), field.data() + field.size(), ticks);
  return read.ec == std::errc{} ? std::optional(ticks) : std::nullopt;
}

}  // namespace cupola::process
