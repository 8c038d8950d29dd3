#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/text.h"
#include "process/program.h"

namespace cupola::process {
namespace {

using Clock = std::chrono::steady_clock;
using OnLine = std::function<void(std::string_view)>;
constexpr std::chrono::seconds kill_after{5};
constexpr std::chrono::seconds between_questions{1};
/// For what a process outside the group still writes after the program's end.
constexpr std::chrono::milliseconds drain_for{500};
constexpr std::size_t longest_line = 64u << 10;

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Error{Error::Kind::unavailable,
                 fmt::format("Cannot make a pipe: {}.", system_text(errno)),
                 "Raise the limit of open files (ulimit -n)."};
  }
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

void make_nonblocking(const Fd& fd) {
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
}

/// One of the child's output streams: what is kept, and the line that is not whole yet.
class Capture {
 public:
  Capture(Fd fd, std::size_t limit, const OnLine& on_line)
      : fd_(std::move(fd)), limit_(limit), on_line_(on_line) {
    make_nonblocking(fd_);
  }

  int fd() const { return fd_.get(); }
  bool open() const { return static_cast<bool>(fd_); }

  /// Reads what is there, a bounded piece of it, so that the other streams get their turn.
  void read_some() {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(fd_.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return close();
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    kept_.append(bytes.substr(0, limit_ - std::min(limit_, kept_.size())));
    if (on_line_) tell_lines(bytes);
  }

  void close() {
    if (on_line_ && !line_.empty()) on_line_(line_);
    line_.clear();
    fd_.reset();
  }

  std::string take() { return std::move(kept_); }

 private:
  void tell_lines(std::string_view bytes) {
    for (const char byte : bytes) {
      if (byte != '\n') line_ += byte;
      if (byte == '\n' || line_.size() >= longest_line) {
        on_line_(line_);
        line_.clear();
      }
    }
  }

  Fd fd_;
  std::size_t limit_;
  const OnLine& on_line_;
  std::string kept_;
  std::string line_;
};

/// Readable once a stop was asked for.
class StopSignal {
 public:
  explicit StopSignal(const std::stop_token& token)
      : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), callback_(token, [this] {
          const std::uint64_t one = 1;
          [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
        }) {}
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
  std::stop_callback<std::function<void()>> callback_;
};

/// SIGPIPE is for this thread's writes to a child that does not read: as an error, not a death.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
  NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;
  ~NoBrokenPipeSignal() {
    const timespec now{};
    if (!::sigismember(&before_, SIGPIPE)) ::sigtimedwait(&pipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

/// One run from start to end: moves bytes and watches the time.
class Session {
 public:
  Session(Child child, Fd input_pipe, std::string_view input, Capture out, Capture err,
          const Limits& limits, const std::stop_token& stop)
      : child_(std::move(child)),
        input_pipe_(std::move(input_pipe)),
        input_(input),
        out_(std::move(out)),
        err_(std::move(err)),
        stop_(stop),
        deadline_(Clock::now() + limits.timeout),
        may_go_on_(limits.may_go_on) {
    make_nonblocking(input_pipe_);
  }

  Output finish() {
    while (!ended_) step(std::min(deadline_, next_question_));
    child_.signal_group(SIGKILL);
    input_pipe_.reset();
    const auto drain_ends = Clock::now() + drain_for;
    while ((out_.open() || err_.open()) && Clock::now() < drain_ends) step(drain_ends);
    out_.close();
    err_.close();
    Output output{.exit = child_.wait(), .out = out_.take(), .err = err_.take()};
    output.exit.timed_out = timed_out_;
    output.exit.stopped = stopped_;
    return output;
  }

 private:
  void step(Clock::time_point until) {
    if (input_.empty()) input_pipe_.reset();
    std::array<pollfd, 5> fds{{{ended_ ? -1 : child_.pidfd(), POLLIN, 0},
                               {ended_ || stopped_ || timed_out_ ? -1 : stop_.fd(), POLLIN, 0},
                               {out_.fd(), POLLIN, 0},
                               {err_.fd(), POLLIN, 0},
                               {input_pipe_.get(), POLLOUT, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
    if (fds[4].revents != 0) write_input();
    if (fds[2].revents != 0) out_.read_some();
    if (fds[3].revents != 0) err_.read_some();
    if (fds[1].revents != 0) end_it(stopped_);
    if (fds[0].revents != 0) ended_ = true;
    if (!ended_ && Clock::now() >= next_question_) ask();
    if (!ended_ && Clock::now() >= deadline_) {
      if (stopped_ || timed_out_) {
        child_.signal_group(SIGKILL);
        deadline_ = Clock::now() + kill_after;
      } else {
        end_it(timed_out_);
      }
    }
  }

  void ask() {
    next_question_ = Clock::now() + between_questions;
    if (!stopped_ && !timed_out_ && may_go_on_ && !may_go_on_()) end_it(stopped_);
  }

  void end_it(bool& reason) {
    reason = true;
    child_.signal_group(SIGTERM);
    deadline_ = Clock::now() + kill_after;
  }

  void write_input() {
    const ssize_t count = ::write(input_pipe_.get(), input_.data(), input_.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) return input_pipe_.reset();
    input_.remove_prefix(static_cast<std::size_t>(count));
  }

  Child child_;
  Fd input_pipe_;
  std::string_view input_;
  Capture out_;
  Capture err_;
  StopSignal stop_;
  Clock::time_point deadline_;
  const std::function<bool()>& may_go_on_;
  Clock::time_point next_question_ =
      may_go_on_ ? Clock::now() + between_questions : Clock::time_point::max();
  bool ended_ = false;
  bool timed_out_ = false;
  bool stopped_ = false;
};

}  // namespace

Result<Output> run(const Program& program, const Limits& limits, std::string_view input,
                   const OnLine& on_line, const std::stop_token& stop,
                   const std::vector<int>& also) {
  auto in = make_pipe();
  if (!in) return in.error();
  auto out = make_pipe();
  if (!out) return out.error();
  auto err = make_pipe();
  if (!err) return err.error();
  auto child =
      start(program,
            {.in = in->read.get(), .out = out->write.get(), .err = err->write.get(), .also = also});
  if (!child) return child.error();
  in->read.reset();
  out->write.reset();
  err->write.reset();
  const NoBrokenPipeSignal quiet;
  Session session(*std::move(child), std::move(in->write), input,
                  Capture(std::move(out->read), limits.output, on_line),
                  Capture(std::move(err->read), limits.output, on_line), limits, stop);
  return session.finish();
}

}  // namespace cupola::process
