#pragma once

/// Mails invitations' links, tried again as other mails are (notify/retries.h).

#include <memory>
#include <vector>

#include "base/clock.h"
#include "db/database.h"
#include "net/courier.h"
#include "notify/mail_server.h"
#include "store/invitation_mails.h"

namespace cupola::notify {

class InvitationMails {
 public:
  struct Dependencies {
    db::Database& database;
    const store::Vault& vault;
    const Clock& clock;
    net::Courier& courier;
  };
  InvitationMails(const Dependencies& dependencies, const MailServer& server)
      : with_(dependencies), server_(server) {}

  /// Writes down what came of earlier ones, and hands those that are due to the courier, `room` at
  /// most. One that is under way when the server goes is sent again after two minutes.
  void step(int room);
  /// The first half of that.
  void write_down();

 private:
  struct Ended {
    store::InvitationMail mail;
    std::optional<std::string> error;
    std::optional<Instant> again_at;
  };

  void begin(const store::InvitationMail& mail);
  void end(const store::InvitationMail& mail, const net::Outcome& outcome);

  const Dependencies with_;
  const MailServer& server_;
  std::vector<Ended> ended_;
};

}  // namespace cupola::notify
