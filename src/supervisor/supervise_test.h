#pragma once

/// The built supervisor, driven as the server does, for the tests of this module.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "logs/reader.h"
#include "process/ownership.h"
#include "process/program.h"
#include "supervisor/spec.h"

namespace cupola::supervisor {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

inline constexpr unsigned run_uid = 64322;

inline bool is_alive(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  return !text.empty() && text.find(") Z") == std::string::npos;
}

/// Whether any process of the host has this command line, its words each ended by a zero byte.
inline bool is_running(const std::string& command_line) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text == command_line) return true;
  }
  return false;
}

template <typename Condition>
bool within(std::chrono::milliseconds span, Condition condition) {
  const auto until = Clock::now() + span;
  while (!condition() && Clock::now() < until) ::usleep(2000);
  return condition();
}

/// Drives the built program, as the server does, on real processes; with the sandbox that this
/// machine offers, and again without one.
class SuperviseTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    spec_ = {.run = RunId("test-" + root_.filename().string()),
             .folder = root_ / "run",
             .log = root_ / "logs" / "log",
             .env = {{"PATH", "/usr/bin:/bin"}},
             .timeout = 60s,
             .grace = 10s};
    fs::create_directories(spec_.folder);
    fs::create_directories(root_ / "out");
    spec_.sandbox.wanted = GetParam();
    spec_.support = process::sandbox_support();
    if (GetParam() && spec_.support->kind == process::SandboxKind::none) {
      GTEST_SKIP() << spec_.support->text;
    }
    if (::geteuid() == 0) {
      spec_.sandbox.uid = run_uid;
      fs::permissions(root_, fs::perms(0755));
      ASSERT_TRUE(process::give_to(root_ / "out", run_uid));
    }
    if (GetParam()) {
      spec_.sandbox.binds = {{.from = root_ / "out", .to = out(), .writable = true}};
    }
  }

  fs::path out() const { return GetParam() ? fs::path("/out") : root_ / "out"; }
  std::string read_out(const std::string& name) const {
    return read_file(root_ / "out" / name, 1u << 20).value_or("");
  }
  /// A number that the script wrote there, once it did.
  int await_number(const std::string& name) const {
    within(10s, [&] { return read_out(name).ends_with('\n'); });
    return std::atoi(read_out(name).c_str());
  }

  void start(std::string_view input) {
    const Fd file(::memfd_create("spec", MFD_CLOEXEC));
    ASSERT_EQ(::write(file.get(), input.data(), input.size()), static_cast<ssize_t>(input.size()));
    ::lseek(file.get(), 0, SEEK_SET);
    const Fd errors(::open((root_ / "errors").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    auto child = process::start({.argv = {CUPOLA_SUPERVISOR}, .env = {{"LEAK", "no"}}},
                                {.in = file.get(), .err = errors.get()});
    ASSERT_TRUE(child) << child.error().message;
    supervisor_.emplace(*std::move(child));
  }

  void start_script(const std::string& script) {
    spec_.command = {"/bin/sh", "-c", script};
    start(to_json_text(spec_));
  }

  Outcome await_outcome() {
    const process::Exit exit = supervisor_->wait();
    supervisor_.reset();
    const std::string said = read_file(root_ / "errors", 1u << 20).value_or("");
    EXPECT_EQ(exit.code, 0) << said;
    const auto text = read_file(result_file(spec_.folder), 1u << 20);
    if (!text) {
      ADD_FAILURE() << "no result; " << said;
      return {};
    }
    return parse_outcome(*text).value_or(Outcome{});
  }

  Outcome run_script(const std::string& script) {
    start_script(script);
    return await_outcome();
  }

  void await_started() const {
    ASSERT_TRUE(within(10s, [&] { return fs::exists(started_file(spec_.folder)); }));
  }

  std::vector<std::string> log_lines() const {
    std::vector<std::string> texts;
    const auto reader = logs::Reader::open(spec_.log);
    if (!reader) return texts;
    while (texts.size() < reader->lines()) {
      const auto lines = reader->read(texts.size(), 10000);
      if (lines.empty()) break;
      for (const auto& line : lines) texts.push_back(line.text);
    }
    return texts;
  }

  const TempFolder folder_{"cupola-supervise"};
  const fs::path& root_ = folder_.path();
  RunSpec spec_;
  std::optional<process::Child> supervisor_;
};

}  // namespace cupola::supervisor
