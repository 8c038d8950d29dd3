#include "cli/terminal.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/files.h"

namespace cupola::cli {
namespace {

constexpr std::size_t most_secret = 1u << 20;
constexpr std::size_t most_input = 64u << 20;

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::red:
      return "31";
    case Colour::green:
      return "32";
    case Colour::yellow:
      return "33";
    case Colour::blue:
      return "34";
    case Colour::dim:
      return "2";
    case Colour::bold:
      return "1";
    case Colour::none:
      break;
  }
  return "0";
}

/// Standard input without echo while it lives.
class Hidden {
 public:
  Hidden() {
    known_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (known_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  ~Hidden() {
    if (known_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  termios before_{};
  bool known_ = false;
};

std::string read_line() {
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
    line += static_cast<char>(c);
  }
  return line;
}

Result<std::string> read_all(std::size_t most) {
  std::string text;
  std::array<char, 65536> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
    text.append(buffer.data(), count);
    if (text.size() > most) {
      return Error{Error::Kind::too_large,
                   fmt::format("Standard input is larger than {} bytes", most), ""};
    }
  }
  return text;
}

}  // namespace

bool has_colours(std::FILE* stream) {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::strcmp(term, "dumb") == 0) return false;
  return isatty(fileno(stream)) == 1;
}

std::string painted(std::string_view text, Colour colour, bool wanted) {
  if (!wanted || colour == Colour::none || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(colour), text);
}

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  const int reason = errno;
  if (reason == EPIPE) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  throw Failure("Writing to standard output failed: " + system_text(reason));
}

void say(std::string_view line) {
  const std::string text = fmt::format("{}\n", line);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

Result<Secret> read_secret(std::string_view prompt) {
  std::string text;
  if (isatty(STDIN_FILENO) == 1) {
    const std::string question = fmt::format("{}: ", prompt);
    std::fwrite(question.data(), 1, question.size(), stderr);
    const Hidden hidden;
    text = read_line();
    say("");
  } else {
    auto all = read_all(most_secret);
    if (!all) return all.error();
    text = std::move(*all);
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
  }
  if (text.empty()) {
    return Error{Error::Kind::invalid, fmt::format("{}: nothing was given", prompt),
                 "Type it when asked, or give it on standard input."};
  }
  return Secret{std::move(text)};
}

Result<std::string> read_file_or_input(const std::string& file, std::size_t limit) {
  return file.empty() || file == "-" ? read_all(most_input) : read_file(file, limit);
}

bool is_confirmed(std::string_view question) {
  if (isatty(STDIN_FILENO) != 1) return true;
  const std::string text = fmt::format("{} [y/N] ", question);
  std::fwrite(text.data(), 1, text.size(), stderr);
  const std::string answer = read_line();
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace cupola::cli
