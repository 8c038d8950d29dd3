#pragma once

/// The machine that this server is on.

#include <functional>

#include "base/home.h"
#include "runner/machine.h"
#include "runner/networks.h"
#include "runner/options.h"
#include "runner/watcher.h"

namespace cupola::runner {

class LocalMachine : public Machine {
 public:
  using MakeReady = std::function<Result<void>(const store::Release&)>;
  LocalMachine(Home home, Options options, MakeReady make_ready, Watcher& watcher);

  std::chrono::steady_clock::time_point steady_now() const override;
  std::chrono::milliseconds up_time() const override;
  std::string place() const override;
  double free_disk() const override;
  Result<void> make_ready(const store::Release& release) override;
  Result<std::unique_ptr<Supervisor>> start(StartOrder order) override;
  Found find(const store::Run& run) override;
  std::optional<int> slot_of(const RunId& run) const override;
  void watch(const RunId& run, Supervisor& supervisor) override;
  void forget(const RunId& run) override;
  std::optional<supervisor::Started> started(const RunId& run) const override;
  bool takes_signals(const RunId& run) const override;
  store::RunResult result(const store::Run& run) const override;
  std::vector<store::CapturedState> states(const RunId& run,
                                           std::vector<std::string>& trouble) override;
  std::vector<store::Artifact> copy_artifacts(const store::Run& run,
                                              const store::ReleaseContent& content,
                                              std::int64_t lease_token) override;
  void settle_artifacts(const RunId& run, std::int64_t lease_token, bool are_kept) override;
  void tidy_up(const RunId& run, bool is_final) override;
  void sweep(const std::set<RunId>& open,
             const std::function<bool(const RunId&)>& is_final) override;

 private:
  Home home_;
  Options options_;
  MakeReady make_ready_;
  Watcher& watcher_;
  Networks networks_;
};

}  // namespace cupola::runner
