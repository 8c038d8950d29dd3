#include "deploy/dry_run.h"

#include "deploy/work_folder.h"

namespace cupola::deploy {

Result<Plan> plan_update(Workshop& shop, const store::Deployment& deployment, bool refresh) {
  Job job = make_job(shop, deployment, deployment.revision);
  auto commit = fetch(shop, job);
  if (!commit) return commit.error();
  const WorkFolder work(shop.dependencies.home);
  job.source.checkout = work.path() / "checkout";
  const auto exported =
      repository_of(shop, job).export_tree(*commit, job.source.checkout, job.stop);
  if (!exported) return exported.error();

  Judged judged = inspect_checkout(job.source, deployment.environment);
  judged.content.commit = *commit;
  Plan plan{.commit = *commit, .faults = judged.findings};
  plan.schedules = compare_schedules(job.schedules, job.live_content ? &*job.live_content : nullptr,
                                     judged.content);
  if (!judged.is_fit()) return plan;
  auto prepared = prepare(
      shop.environments, job.source, std::move(judged), job.lock, job.live_lock, refresh, true,
      [](std::string_view) {}, job.stop);
  if (!prepared) return prepared.error();
  plan.plugins = std::move(prepared->plugins);
  return plan;
}

}  // namespace cupola::deploy
