#pragma once

/// What `cupola server` is told about notifications.

#include <optional>
#include <string>
#include <vector>

#include "base/outcome.h"
#include "net/guard.h"
#include "notify/notifier.h"

namespace CLI {
class App;
}

namespace cupola::app {

struct NotifyOptions {
  std::optional<notify::MailServer> mail;     ///< none: no mail is sent
  std::vector<net::Network> inner_receivers;  ///< that webhooks may reach
  std::string heartbeat_url;                  ///< empty: none
};

/// The same as they are written.
struct NotifyTexts {
  std::string smtp_url;
  std::string smtp_from;
  std::string smtp_user;
  std::string smtp_password_file;
  std::string smtp_starttls = "on";
  std::vector<std::string> inner_receivers;
  std::string heartbeat_url;
};
void add_notify_options(CLI::App& server, NotifyTexts& texts);

/// Reads the password's file, or the variable CUPOLA_SMTP_PASSWORD, too. Errors: invalid.
Result<NotifyOptions> read_notify_options(const NotifyTexts& texts);

}  // namespace cupola::app
