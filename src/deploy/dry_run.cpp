#include "deploy/dry_run.h"

#include "deploy/work_folder.h"

namespace cupola::deploy {

Result<Plan> plan(Workshop& shop, const store::Deployment& deployment, bool refresh) {
  Job job = make_job(shop, deployment, deployment.revision);
  auto commit = fetch(shop, job);
  if (!commit) return commit.error();
  job.commit = *commit;
  const TempFolder work = work_folder(shop.dependencies.home);
  job.source.checkout = work.path() / "checkout";
  const auto exported =
      repository_of(shop, job).export_tree(*commit, job.source.checkout, job.stop);
  if (!exported) return exported.error();

  auto judged = judge(shop, job);
  if (!judged) return judged.error();
  Plan plan{.commit = *commit,
            .build = judged->content.build,
            .faults = judged->findings,
            .own_state = judged->content.own_state};
  plan.schedules = compare_schedules(job.schedules, job.live_content ? &*job.live_content : nullptr,
                                     judged->content);
  plan.overrides = find_overrides(job.schedules, judged->content);
  if (!judged->is_fit()) return plan;
  auto prepared = prepare(
      shop.environments, job.source, *std::move(judged), job.lock, job.live_lock, refresh, true,
      [](std::string_view) {}, job.stop);
  if (!prepared) return prepared.error();
  plan.unchanged = is_as_live(job, *prepared);
  plan.plugins = std::move(prepared->plugins);
  return plan;
}

}  // namespace cupola::deploy
