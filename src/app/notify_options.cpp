#include "app/notify_options.h"

#include <cstdlib>

#include <CLI/CLI.hpp>

#include "base/files.h"
#include "base/text.h"

namespace cupola::app {
namespace {

constexpr std::size_t longest_password_file = 64u << 10;

Result<Secret> read_password(const NotifyTexts& texts) {
  if (texts.smtp_password_file.empty()) {
    const char* value = std::getenv("CUPOLA_SMTP_PASSWORD");
    return Secret(value == nullptr ? "" : value);
  }
  auto text = read_file(texts.smtp_password_file, longest_password_file);
  if (!text) {
    return Error{
        Error::Kind::invalid,
        "--smtp-password-file " + cupola::quoted(texts.smtp_password_file) + " cannot be read.",
        "It holds the password alone."};
  }
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return Secret(*std::move(text));
}

Result<notify::MailServer> read_mail_server(const NotifyTexts& texts) {
  const bool is_tls = texts.smtp_url.starts_with("smtps://");
  if (!is_tls && !texts.smtp_url.starts_with("smtp://")) {
    return Error{
        Error::Kind::invalid,
        "--smtp-url " + cupola::quoted(texts.smtp_url) + " is no address of a mail server.",
        "Write it as smtp://mail.example.com:587 or smtps://mail.example.com:465."};
  }
  if (texts.smtp_url.find('@') != std::string::npos) {
    return Error{Error::Kind::invalid, "--smtp-url has a user name or password in it.",
                 "Give --smtp-user, and --smtp-password-file or CUPOLA_SMTP_PASSWORD."};
  }
  if (texts.smtp_from.empty()) {
    return Error{Error::Kind::invalid, "--smtp-url is there without --smtp-from.",
                 "Say who the mails are from: --smtp-from 'Cupola <cupola@example.com>'."};
  }
  auto from = notify::parse_sender(texts.smtp_from);
  if (!from) {
    return Error{Error::Kind::invalid, "--smtp-from: " + from.error().message, from.error().hint};
  }
  auto password = read_password(texts);
  if (!password) return password.error();
  if (!texts.smtp_user.empty() && !is_tls && texts.smtp_starttls != "on") {
    return Error{Error::Kind::invalid, "--smtp-starttls off would send the password in the clear.",
                 "Leave --smtp-user out, or let the mail server speak TLS."};
  }
  return notify::MailServer{.url = texts.smtp_url,
                            .starttls = texts.smtp_starttls == "on",
                            .user = texts.smtp_user,
                            .password = *std::move(password),
                            .from = *std::move(from)};
}

}  // namespace

void add_notify_options(CLI::App& server, NotifyTexts& texts) {
  const auto add = [&](const std::string& name, auto& value, const char* variable,
                       const std::string& text) {
    return server.add_option(name, value, text)->envname(variable)->capture_default_str();
  };
  add("--smtp-url", texts.smtp_url, "CUPOLA_SMTP_URL",
      "Mail server for notifications: smtp://HOST:587 (STARTTLS) or smtps://HOST:465");
  add("--smtp-from", texts.smtp_from, "CUPOLA_SMTP_FROM",
      "Who mails are from, such as 'Cupola <cupola@example.com>'");
  add("--smtp-user", texts.smtp_user, "CUPOLA_SMTP_USER",
      "Login at the mail server; its password is in CUPOLA_SMTP_PASSWORD or in a file");
  add("--smtp-password-file", texts.smtp_password_file, "CUPOLA_SMTP_PASSWORD_FILE",
      "File with the password alone");
  add("--smtp-starttls", texts.smtp_starttls, "CUPOLA_SMTP_STARTTLS",
      "off for a mail server of this machine or network that speaks no TLS")
      ->check(CLI::IsMember({"on", "off"}));
  add("--allow-inner-receivers", texts.inner_receivers, "CUPOLA_ALLOW_INNER_RECEIVERS",
      "Networks of yours that webhooks may reach, such as 10.1.0.0/16,fd00::/8")
      ->delimiter(',');
  add("--heartbeat-url", texts.heartbeat_url, "CUPOLA_HEARTBEAT_URL",
      "Asked (GET) once a minute while the scheduler lives");
}

Result<NotifyOptions> read_notify_options(const NotifyTexts& texts) {
  NotifyOptions options;
  if (!texts.smtp_url.empty()) {
    auto mail = read_mail_server(texts);
    if (!mail) return mail.error();
    options.mail = *std::move(mail);
  }
  for (const std::string& text : texts.inner_receivers) {
    if (trim(text).empty()) continue;
    const auto network = net::parse_network(trim(text));
    if (!network) {
      return Error{Error::Kind::invalid, "--allow-inner-receivers: " + network.error().message,
                   network.error().hint};
    }
    options.inner_receivers.push_back(*network);
  }
  if (!texts.heartbeat_url.empty() && !texts.heartbeat_url.starts_with("http://") &&
      !texts.heartbeat_url.starts_with("https://")) {
    return Error{Error::Kind::invalid, "--heartbeat-url is not of http or https."};
  }
  options.heartbeat_url = texts.heartbeat_url;
  return options;
}

}  // namespace cupola::app
