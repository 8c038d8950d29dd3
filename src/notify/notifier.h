#pragma once

/// Tells people what happened: makes messages of events, sends them, tries again
/// (docs/design/notifications.md).
///
/// All that it knows is rows, so it may be killed at any instant and may run on several servers:
/// each message is sent at least once, and a recipient is held by one server at a time.

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "db/database.h"
#include "net/courier.h"
#include "net/guard.h"
#include "notify/invitation_mails.h"
#include "notify/mail_server.h"
#include "store/deliveries.h"
#include "store/vault.h"

namespace cupola::notify {

struct Options {
  std::string worker;                ///< this server's name in claims
  net::Guard guard;                  ///< of webhooks
  std::optional<MailServer> mail;    ///< none: mails are tried in vain, and say so
  std::string public_url;            ///< for links; may be empty
  std::string heartbeat_url;         ///< empty: none
  std::function<bool()> is_ticking;  ///< whether the scheduler lives; asked once a minute
  int at_once = 200;                 ///< messages under way
};

class Notifier {
 public:
  struct Dependencies {
    db::Database& database;
    const store::Vault& vault;
    const Clock& clock;
  };
  Notifier(const Dependencies& dependencies, Options options);
  ~Notifier();

  /// Works on a thread of its own until `stop`; what is under way then is sent again later.
  void start();
  void stop();
  /// There may be something to tell. From any thread.
  void wake();

  /// What the thread does, once; gives how long nothing is to be done after it. For tests.
  std::chrono::milliseconds step();
  /// Messages under way.
  std::size_t under_way() const { return courier_.under_way(); }

 private:
  struct Ended {
    store::Claim claim;
    store::DeliveryAttempt attempt;
    store::AfterAttempt after;
  };

  std::vector<store::Claim> take_work();
  void begin(const store::Claim& claim);
  void begin_webhook(const store::Claim& claim);
  void begin_mail(const store::Claim& claim);
  void end(const store::Claim& claim, Instant started, const net::Outcome& outcome);
  void do_now_and_then();
  bool beat();

  const Dependencies with_;
  const Options options_;
  net::Courier courier_;
  std::optional<InvitationMails> invitations_;  ///< where this server sends mail
  std::vector<Ended> ended_;                    ///< not yet written down
  bool has_begun_ = false;
  std::optional<std::chrono::milliseconds> next_beat_;  ///< by up_time(), as the next
  std::optional<std::chrono::milliseconds> next_look_for_late_;
  std::atomic<bool> stopping_ = false;
  Loop loop_;
};

}  // namespace cupola::notify
