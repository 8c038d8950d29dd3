#include "supervisor/run_program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

namespace cupola::supervisor {
namespace {

constexpr int pipe_size = 256 << 10;
constexpr std::size_t most_early_words = 4096;

struct Pipe {
  Fd read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure("Cannot make a pipe: " + system_text(errno));
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  ::fcntl(ends[0], F_SETPIPE_SZ, pipe_size);
  return {Fd(ends[0]), Fd(ends[1])};
}

void send(const std::optional<Process>& process, int number) {
  if (process) ::syscall(SYS_pidfd_send_signal, process->pidfd.get(), number, nullptr, 0);
}

/// What is there of the next words; nothing when none are. At its end the pipe is let go of.
template <typename Feed>
void read_some(Fd& pipe, Feed feed) {
  std::array<char, 4096> buffer;
  const ssize_t count = ::read(pipe.get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return pipe.reset();
  feed(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
}

}  // namespace

Result<void> RunProgram::start(const process::Program& inside, const process::Sandbox& sandbox,
                               const process::Support& support,
                               const process::PrivateFiles& files) {
  kind_ = process::effective_kind(sandbox, support);
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  Pipe status = make_pipe();
  Pipe report = make_pipe();
  const auto program =
      process::sandboxed(inside, sandbox, support,
                         {.status = status.write.get(), .launch = report.write.get()}, files);
  auto child = process::start(program.program,
                              {.out = output.write.get(),
                               .err = error.write.get(),
                               .also = program.also({status.write.get(), report.write.get()})});
  if (!child) return child.error();
  child_.emplace(*std::move(child));
  out = std::move(output.read);
  err = std::move(error.read);
  status_pipe_ = std::move(status.read);
  report_pipe_ = std::move(report.read);
  if (kind_ == process::SandboxKind::none) {
    program_ = hold_process(child_->pid());
    is_alive_ = true;
  }
  return {};
}

void RunProgram::read_status() {
  if (!status_pipe_) return;
  read_some(status_pipe_, [&](std::string_view words) { status_.feed(words); });
  if (status_.init_pid() && !init_) init_ = hold_process(*status_.init_pid());
}

void RunProgram::read_report() {
  if (!report_pipe_) return;
  read_some(report_pipe_, [&](std::string_view words) { report_.feed(words); });
  // Its end is the moment in which the launcher has become the program, or has failed.
  if (report_pipe_ || is_alive_ || !report_.was_reached() || !report_.error().empty()) return;
  // The program is the only child of the namespace's first process.
  read_status();
  if (init_) program_ = find_program_below(init_->pid);
  is_alive_ = true;
}

std::optional<int> RunProgram::pid() const {
  return program_ ? std::optional(program_->pid) : std::nullopt;
}

void RunProgram::heard(std::string_view words) {
  if (is_alive_ || early_words_.size() >= most_early_words) return;
  early_words_ += words.substr(0, most_early_words);
}

void RunProgram::signal(int number) const {
  send(program_, number);
}

void RunProgram::kill() {
  was_killed_ = true;
  send(init_, SIGKILL);
  send(program_, SIGKILL);
  if (kind_ == process::SandboxKind::none || !init_) child_->signal_group(SIGKILL);
}

process::Exit RunProgram::reap() {
  child_->signal_group(SIGKILL);
  const process::Exit exit = child_->wait();
  send(init_, SIGKILL);
  return exit;
}

Result<End> RunProgram::how_it_ended(const process::Exit& exit) const {
  if (never_started(exit)) {
    const std::string_view words = trim(report_.was_reached() ? report_.error() : early_words_);
    return Error{
        Error::Kind::unavailable,
        fmt::format("The sandbox or the program in it could not be started: {}",
                    words.empty() ? fmt::format("exit code {}", exit.code) : printable(words))};
  }
  const bool isolated = kind_ != process::SandboxKind::none;
  if (const auto known = isolated && program_ ? end_of(*program_) : std::nullopt) return *known;
  if (exit.signal != 0) return End{.signal = exit.signal};
  if (!isolated) return End{.code = exit.code};
  return was_killed_ ? End{.signal = SIGKILL} : end_from_code(exit.code);
}

/// bwrap that fails never reaches the launcher, and the launcher that fails says so.
bool RunProgram::never_started(const process::Exit& exit) const {
  if (is_alive_ || was_killed_ || exit.signal != 0) return false;
  return !report_.was_reached() || !report_.error().empty();
}

}  // namespace cupola::supervisor
