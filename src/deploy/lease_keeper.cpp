#include "deploy/lease_keeper.h"

#include "base/log.h"

namespace cupola::deploy {

LeaseKeeper::LeaseKeeper(const Workshop& shop, ReleaseKey release, std::stop_source lost)
    : thread_([&shop, release = std::move(release), lost = std::move(lost),
               this](const std::stop_token& token) mutable {
        const Options& options = shop.options;
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, token, options.lease / 3, [] { return false; }) &&
               !token.stop_requested()) {
          try {
            const bool kept = shop.dependencies.database.write([&](db::Session& db) {
              return store::renew_release_lease(db, release, options.worker,
                                                shop.dependencies.clock.now() + options.lease);
            });
            if (!kept) lost.request_stop();
          } catch (const Failure& failure) {
            // The build goes on; whether it still holds the lease shows at the switch-over.
            log_warning("deploy: cannot renew the lease of a release: {}", failure.what());
          }
        }
      }) {}

}  // namespace cupola::deploy
