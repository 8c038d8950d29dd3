#pragma once

/// The server that mails are handed to.

#include <string>

#include "base/secret.h"
#include "net/courier.h"
#include "notify/mail.h"

namespace cupola::notify {

struct MailServer {
  std::string url;  ///< smtp://host:587 or smtps://host:465
  bool starttls = true;
  std::string user;  ///< empty: without a login
  Secret password;
  Sender from;
};

/// A mail with that text (see `mail_text`), for a courier.
net::Mail mail_by(const MailServer& server, std::string to, std::string text);

}  // namespace cupola::notify
