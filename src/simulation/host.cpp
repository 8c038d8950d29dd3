#include "simulation/host.h"

#include <algorithm>

#include <signal.h>

namespace cupola::simulation {

std::shared_ptr<Process> Host::start(const runner::StartOrder& order, std::string name) {
  auto process = std::make_shared<Process>();
  process->run = order.run.id;
  process->attempt = order.run.attempt;
  process->name = std::move(name);
  process->schedule = order.run.schedule ? order.run.schedule->text() : "";
  process->state_ids = order.work.state_ids;
  process->timeout = order.run.run_timeout;
  process->start_before = Instant(order.start_before);
  processes_.push_back(process);
  Folder folder{.process = process};
  for (const auto& state : order.states) {
    const auto digits = state.payload.find_first_of("123456789");
    folder.states[state.state_id] =
        digits == std::string::npos ? 0 : std::stoll(state.payload.substr(digits));
  }
  folders[process->run] = std::move(folder);
  ++truths_[process->run].starts;
  const auto until_there = world_.random.chance(faults_.slow_starts)
                               ? world_.random.between(1s, 12s)
                               : world_.random.between(1ms, 30ms);
  world_.at(until_there, [this, process] { arrive(process); });
  if (world_.random.chance(faults_.supervisor_dies)) {
    world_.at(world_.random.between(1ms, 40s), [this, process] { die(process); });
  }
  // Who watches the server must be able to: a stuck one would outlive its lease.
  if (longest_silence == 0ms && world_.random.chance(faults_.stuck)) {
    world_.at(world_.random.between(1ms, 40s), [process] { process->is_stuck = true; });
  }
  if (longest_silence > 0ms) world_.at(longest_silence, [this, process] { watch_server(process); });
  return process;
}

std::vector<std::shared_ptr<Process>> Host::live() const {
  std::vector<Shared> alive;
  for (const Shared& process : processes_) {
    if (process->is_alive) alive.push_back(process);
  }
  return alive;
}

/// What is at the path that it knows.
Folder* Host::folder_of(const Process& process) {
  const auto found = folders.find(process.run);
  return found != folders.end() ? &found->second : nullptr;
}

/// The supervisor gets to its folder, or finds that it is gone, or made anew for another.
void Host::arrive(const Shared& process) {
  if (!process->is_alive) return;
  Folder* folder = folder_of(*process);
  if (folder == nullptr) return die(process);
  if (folder->process != process) return die(process);
  folder->has_supervisor_file = true;
  process->has_handler = true;
  if (faults_.slow_starts > 0 && world_.random.chance(2)) return;
  world_.at(world_.random.between(5ms, 100ms), [this, process] { run_program(process); });
}

void Host::run_program(const Shared& process) {
  Folder* folder = folder_of(*process);
  if (!process->is_alive || process->is_ending || process->is_stuck || folder == nullptr) return;
  if (world_.random.chance(2)) {
    return end(process, {.status = store::RunStatus::failed, .cause = "It never started."});
  }
  if (process->start_before > Instant() && world_.now() > process->start_before)
    return end(process, {.status = store::RunStatus::failed, .cause = "Its server was held up."});
  about_to_run(*process);
  process->is_running = true;
  folder->started = supervisor::Started{.pid = 1, .at = world_.now(), .sandbox = "simulated"};
  told(*process, false);

  auto lasts = world_.random.between(50ms, 20s);
  if (world_.random.chance(15)) lasts = world_.random.between(20s, 150s);
  if (world_.random.chance(faults_.hangs)) lasts = 24h;
  process->exit_code = world_.random.chance(80) ? 0 : 1;
  world_.at(lasts, [this, process] {
    const bool well = process->exit_code == 0;
    end(process, {.status = well ? store::RunStatus::succeeded : store::RunStatus::failed,
                  .exit_code = process->exit_code});
  });
  world_.at(process->timeout, [this, process] {
    ask_to_end(process, {.status = store::RunStatus::timed_out}, grace);
  });
  world_.at(world_.random.between(10ms, 3s), [this, process] { write_state(process); });
}

void Host::write_state(const Shared& process) {
  Folder* folder = folder_of(*process);
  if (!process->is_alive || !process->is_running || folder == nullptr) return;
  folder->is_torn = world_.random.chance(10);
  for (auto& [state_id, reached] : folder->states) ++reached;
  world_.at(world_.random.between(500ms, 10s), [this, process] { write_state(process); });
}

void Host::signal(const Shared& process, int number) {
  if (!process->is_alive) return;
  if (number == SIGKILL || !process->has_handler) return die(process);
  ask_to_end(process, {.status = store::RunStatus::cancelled, .cancel_code = "user"}, grace);
}

void Host::ask_to_end(const Shared& process, const store::RunResult& result,
                      std::chrono::milliseconds longest) {
  if (!process->is_alive || process->is_ending || process->is_stuck) return;
  process->is_ending = true;
  store::RunResult asked = result;
  asked.exit_code = 143;
  const auto after = std::min(world_.random.between(1ms, 2 * grace), longest);
  world_.at(after, [this, process, asked] {
    process->is_ending = false;
    end(process, asked);
  });
}

void Host::end(const Shared& process, const store::RunResult& result) {
  if (!process->is_alive || process->is_ending || process->is_stuck) return;
  Folder* folder = folder_of(*process);
  if (folder == nullptr) return die(process);
  folder->is_torn = false;
  folder->result = result;
  folder->result->ended_at = world_.now();
  if (folder->started) folder->result->run_time = world_.now() - folder->started->at;
  if (result.exit_code == 0) truths_[process->run].exited_well.insert(process->attempt);
  process->is_running = false;
  process->is_ending = true;
  world_.note("{} wrote its result: {}", process->name, store::to_text(result.status));
  world_.at(world_.random.between(1ms, 20ms), [this, process] { die(process); });
}

void Host::die(const Shared& process) {
  if (!process->is_alive) return;
  process->is_alive = false;
  process->is_running = false;
  std::erase(processes_, process);
  world_.note("{} is gone", process->name);
  told(*process, true);
}

/// As supervisor::ServerWatch, which looks each second; here when it can have become silent.
void Host::watch_server(const Shared& process) {
  if (!process->is_alive) return;
  const auto silent = world_.now() - last_sign();
  if (silent < longest_silence) {
    world_.at(longest_silence - silent, [this, process] { watch_server(process); });
    return;
  }
  world_.note("{} ends: its server gave no sign", process->name);
  if (process->is_ending) {
    world_.at(longest_silence / 10, [this, process] { die(process); });
    return;
  }
  ask_to_end(process, {.status = store::RunStatus::lost, .cause = "its server gave no sign"},
             longest_silence / 10);
}

void Host::lose_power() {
  for (const Shared& process : live()) die(process);
}

}  // namespace cupola::simulation
