#include "api/cloud/pages.h"

#include <fmt/format.h>

#include "base/id.h"
#include "base/text.h"
#include "notify/mail.h"

namespace cupola::api::cloud {
namespace {

using notify::escape_html;

constexpr std::string_view style = R"css(
body { font: 1rem/1.5 system-ui, sans-serif; color: #1c2330; background: #eef1f6; margin: 0; }
main { max-width: 26rem; margin: 12vh auto 2rem; padding: 2rem; background: #fff;
  border-radius: .5rem; box-shadow: 0 1px 4px rgb(28 35 48 / .2); overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; margin: 0 0 1rem; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem .6rem;
  border: 1px solid #737d8f; border-radius: .3rem; }
button { font: inherit; padding: .55rem 1.1rem; margin: 1.5rem .5rem 0 0; border-radius: .3rem;
  border: 1px solid #1f4fa3; background: #1f4fa3; color: #fff; cursor: pointer; }
button.no { background: #fff; color: #1f4fa3; }
.fault { padding: .6rem .8rem; background: #fdecea; border-left: 4px solid #b3261e; }
.note { color: #525c6d; font-size: .9rem; }
code { background: #eef1f6; padding: 0 .25rem; border-radius: .2rem; }
)css";

/// `form_targets`: where its forms, and what answers them, may lead the browser.
http::Reply page(int status, std::string_view title, const std::string& body,
                 const std::string& form_targets) {
  const std::string nonce = random_hex(16);
  http::Reply reply{.status = status, .content_type = "text/html; charset=utf-8"};
  reply.body = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{0} – Cupola</title>\n"
      "<style nonce=\"{1}\">{2}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n{3}</main>\n"
      "</body>\n</html>\n",
      escape_html(title), nonce, style, body);
  reply.headers.emplace_back(
      "Content-Security-Policy",
      fmt::format("default-src 'none'; style-src 'nonce-{}'; form-action {}; base-uri 'none'; "
                  "frame-ancestors 'none'",
                  nonce, form_targets));
  return reply;
}

/// "2026-11-27 07:42 UTC".
std::string minute_text(Instant instant) {
  std::string text = to_rfc3339(instant).substr(0, 16);
  text[10] = ' ';
  return text + " UTC";
}

std::string hidden(std::string_view form) {
  return fmt::format("<input type=\"hidden\" name=\"form\" value=\"{}\">\n", escape_html(form));
}

}  // namespace

http::Reply sign_in_page(int status, std::string_view form, std::string_view login,
                         std::string_view fault) {
  std::string body;
  if (!fault.empty()) {
    body += fmt::format("<p class=\"fault\" role=\"alert\">{}</p>\n", escape_html(fault));
  }
  body += fmt::format(
      "<p>The program <code>meltano-cloud</code> wants to sign in.</p>\n"
      "<form method=\"post\" action=\"/oauth2/authorize\">\n{}"
      "<label for=\"login\">Login</label>\n"
      "<input id=\"login\" name=\"login\" value=\"{}\" autocomplete=\"username\" "
      "autocapitalize=\"none\" maxlength=\"255\" required{}>\n"
      "<label for=\"password\">Password</label>\n"
      "<input id=\"password\" name=\"password\" type=\"password\" "
      "autocomplete=\"current-password\" maxlength=\"1024\" required{}>\n"
      "<button>Sign in</button>\n</form>\n"
      "<p class=\"note\">If you did not start <code>meltano-cloud login</code> on this computer, "
      "close this page.</p>\n",
      hidden(form), escape_html(login), login.empty() ? " autofocus" : "",
      login.empty() ? "" : " autofocus");
  return page(status, "Sign in", body, "'self'");
}

http::Reply consent_page(std::string_view form, const Offer& offer) {
  std::string organizations;
  for (const store::Belonging& belonging : offer.organizations) {
    organizations += fmt::format("<li><strong>{}</strong>, as {}</li>\n",
                                 escape_html(printable(belonging.name)), to_text(belonging.role));
  }
  const std::string callback = fmt::format("http://localhost:{}", offer.port);
  const std::string body = fmt::format(
      "<p>You are <strong>{}</strong>. The program <code>meltano-cloud</code> on this computer, "
      "which waits at <code>{}</code>, asks to act for you in:</p>\n<ul>\n{}</ul>\n"
      "<p>It may then do all that your role allows, until {} or until you sign out "
      "(<code>meltano-cloud logout</code>). It does not get your password.</p>\n"
      "<form method=\"post\" action=\"/oauth2/consent\">\n{}"
      "<button name=\"answer\" value=\"allow\">Allow</button>"
      "<button name=\"answer\" value=\"deny\" class=\"no\">Do not allow</button>\n</form>\n",
      escape_html(printable(offer.login)), callback, organizations, minute_text(offer.until),
      hidden(form));
  return page(200, "Allow meltano-cloud?", body, "'self' " + callback);
}

http::Reply message_page(int status, std::string_view title, std::string_view message,
                         std::string_view hint) {
  std::string body = fmt::format("<p>{}</p>\n", escape_html(message));
  if (!hint.empty()) body += fmt::format("<p class=\"note\">{}</p>\n", escape_html(hint));
  return page(status, title, body, "'none'");
}

}  // namespace cupola::api::cloud
