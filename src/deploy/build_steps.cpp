#include "deploy/build_steps.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "base/text.h"
#include "deploy/build_box.h"
#include "deploy/checkout.h"
#include "deploy/flush.h"
#include "deploy/installer.h"
#include "deploy/spent.h"
#include "deploy/work_folder.h"
#include "process/ownership.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

/// Of what one command says in the deploy's log.
constexpr std::size_t most_output = 1u << 20;

/// Meltano's own folder, as a run has it, but outside the project: nothing of it is to be kept.
void link_environments(const fs::path& system_folder, const store::ReleaseContent& content,
                       const std::string& base) {
  for (const auto& environment : content.environments) {
    const fs::path folder = system_folder / environment.type / environment.directory_name;
    make_folder(folder);
    fs::create_symlink(fs::path(base) / environment.key, folder / "venv");
  }
}

std::map<std::string, std::string> environment_for(const Workshop& shop, const Job& job,
                                                   const store::ReleaseContent& content,
                                                   const BuildBox& box) {
  auto env = box_environment(shop.options);
  for (const auto& [name, value] : variables_of(job.source)) env[name] = value;
  for (const char* name : {"PYTHONUNBUFFERED", "NO_COLOR", "MELTANO_PROJECT_READONLY"}) {
    env[name] = "1";
  }
  for (const char* name :
       {"MELTANO_SEND_ANONYMOUS_USAGE_STATS", "DBT_SEND_ANONYMOUS_USAGE_STATS"}) {
    env[name] = "false";
  }
  env["MELTANO_ENVIRONMENT"] = content.environment;
  env["MELTANO_SYS_DIR_ROOT"] = box.work() + "/meltano";
  env["MELTANO_STATE_BACKEND_URI"] = "file://" + box.work() + "/state";
  env["CUPOLA_COMMIT"] = content.commit;
  return env;
}

Result<void> run_step(const BuildBox& box, const std::vector<std::string>& argv,
                      const std::map<std::string, std::string>& env, const std::string& task,
                      const Progress& progress, const std::stop_token& stop) {
  const auto start = std::chrono::steady_clock::now();
  progress("build: " + task);
  std::size_t said = 0;
  const auto on_line = [&](std::string_view line) {
    const bool was_silent = said > most_output;
    said += line.size() + 1;
    if (said <= most_output) {
      progress("  " + std::string(line));
    } else if (!was_silent) {
      progress("  … what it says from here on is left out");
    }
  };
  const auto output = box.run(argv, env, stop, on_line);
  if (!output) return output.error();
  if (output->exit.ok()) {
    progress(fmt::format("build: {} is done ({})", task, seconds_since(start)));
    return {};
  }
  return Error{Error::Kind::invalid,
               output->exit.signal != 0 ? fmt::format("The build step {} was ended by signal {}.",
                                                      cupola::quoted(task), output->exit.signal)
                                        : fmt::format("The build step {} ended with exit code {}.",
                                                      cupola::quoted(task), output->exit.code),
               "What it said is in the deploy's log."};
}

Result<void> run_steps(const Workshop& shop, const Job& job, const store::ReleaseContent& content,
                       const fs::path& tree, const Progress& progress) {
  const Home& home = shop.dependencies.home;
  const TempFolder work = work_folder(home);
  const std::string base = environments_base(home, shop.options);
  BoxContent box_content{
      .work = work.path(),
      .repository = tree,
      .directory = content.directory,
      .environments = {content.meltano_environment},
      .search_path = fmt::format("{}/{}/bin:", base, content.meltano_environment)};
  for (const auto& environment : content.environments) {
    box_content.environments.push_back(environment.key);
  }
  for (const auto& path : content.read_only_paths) box_content.read_only.emplace_back(path);
  for (auto& path : named_paths(box_environment(shop.options))) {
    box_content.read_only.push_back(std::move(path));
  }
  link_environments(work.path() / "meltano", content, base);
  write_git_settings(work.path(), job.source, shop.dependencies.home.root());
  for (const std::string& task : content.build) {
    box_content.program = fmt::format("The build step {}", cupola::quoted(task));
    const BuildBox box(home, shop.options, box_content);
    box.prepare();
    const std::vector<std::string> argv = {
        fmt::format("{}/{}/bin/meltano", base, content.meltano_environment),
        "--environment",
        content.environment,
        "run",
        "--no-install",
        task};
    const auto done =
        run_step(box, argv, environment_for(shop, job, content, box), task, progress, job.stop);
    if (!done) return done;
  }
  return {};
}

/// As an exported tree is: files that any run's user may write in its own layer, all of one time.
/// What is neither file, folder nor link goes.
void seal_tree(const fs::path& tree, Instant time) {
  if (::geteuid() == 0) {
    if (const auto given = process::give_to(tree, 0); !given) throw Failure(to_text(given.error()));
  }
  const ::timespec stamp{.tv_sec = to_milliseconds(time) / 1000, .tv_nsec = 0};
  const ::timespec times[2] = {stamp, stamp};
  std::vector<fs::path> folders = {tree};
  for (const auto& entry : fs::recursive_directory_iterator(tree)) {
    struct ::stat info {};
    if (::lstat(entry.path().c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode)) {
      ::chmod(entry.path().c_str(), 0777);
      folders.push_back(entry.path());
      continue;
    }
    if (S_ISREG(info.st_mode)) {
      ::chmod(entry.path().c_str(), (info.st_mode & 0111u) != 0 ? 0777 : 0666);
    } else if (!S_ISLNK(info.st_mode)) {
      ::unlink(entry.path().c_str());
      continue;
    }
    ::utimensat(AT_FDCWD, entry.path().c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  for (const auto& folder : folders) ::utimensat(AT_FDCWD, folder.c_str(), times, 0);
}

}  // namespace

Result<void> ensure_built(const Workshop& shop, const Job& job,
                          const store::ReleaseContent& content, const ReleaseKey& release,
                          const Progress& progress) {
  const Home& home = shop.dependencies.home;
  const fs::path mark = built_mark(home, release);
  if (content.build.empty() || fs::exists(mark)) return {};
  const auto lock = FileLock::take(home.release(release) / "lock", job.stop);
  if (!lock) {
    return Error{Error::Kind::unavailable, "The server stopped while a release was built.",
                 "It is built when the server is back."};
  }
  if (fs::exists(mark)) return {};
  const fs::path tree = home.release(release) / "building";
  remove_tree(tree);
  const auto repository = repository_of(shop, job);
  const auto time = repository.commit_time(content.commit);
  if (!time) return time.error();
  const auto exported = repository.export_tree(content.commit, tree, job.stop);
  auto done =
      exported ? run_steps(shop, job, content, tree, progress) : Result<void>(exported.error());
  if (!done) {
    remove_tree(tree);
    return done;
  }
  seal_tree(tree, *time);
  flush_to_disk(tree);
  crash_point("build.done");
  // Killed between the two, it finds no checkout, and makes both anew.
  const fs::path place = home.checkout(release);
  const fs::path plain = home.release(release) / "plain";
  remove_tree(plain);
  move_folder(place, plain);
  crash_point("build.half_moved");
  move_folder(tree, place);
  crash_point("build.moved");
  write_file(mark, content.commit);
  remove_tree(plain);
  return {};
}

}  // namespace cupola::deploy
