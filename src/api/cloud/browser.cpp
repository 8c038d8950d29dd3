#include "api/cloud/browser.h"

#include <fmt/format.h>

#include "api/input.h"
#include "auth/token.h"
#include "base/digest.h"
#include "base/text.h"
#include "http/form.h"

namespace cupola::api::cloud {
namespace {

constexpr std::string_view form_cookie = "cupola_form";
constexpr std::string_view browser_cookie = "cupola_browser";
constexpr std::chrono::minutes form_life{15};
constexpr std::size_t random_bytes = 32;

bool is_random(const std::string& text) {
  return text.size() == 2 * random_bytes &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string cookie(const Call& call, std::string_view name, std::string_view value,
                   std::string_view path, std::chrono::seconds life, std::string_view same_site) {
  const bool is_https = call.context.hooks.public_url().starts_with("https://");
  return fmt::format("{}={}; Path={}; Max-Age={}; HttpOnly; SameSite={}{}", name, value, path,
                     life.count(), same_site, is_https ? "; Secure" : "");
}

Error stale_form() {
  return {Error::Kind::forbidden, "This page is too old, or of another browser.",
          "Begin anew: meltano-cloud login."};
}

}  // namespace

std::optional<int> callback_port(std::string_view uri, std::string_view path) {
  constexpr std::string_view host = "http://localhost:";
  if (!uri.starts_with(host) || !uri.ends_with(path)) return std::nullopt;
  uri.remove_prefix(host.size());
  if (uri.size() < path.size()) return std::nullopt;
  uri.remove_suffix(path.size());
  if (uri.empty() || uri.size() > 5 || uri.starts_with('0')) return std::nullopt;
  const auto port = whole_number(uri);
  if (!port || *port > 65535) return std::nullopt;
  return static_cast<int>(*port);
}

std::string cookie_of(const http::Request& request, std::string_view name) {
  for (const auto& [header, value] : request.headers) {
    if (header != "cookie") continue;
    for (const std::string_view piece : split(value, ';')) {
      const std::string_view pair = trim(piece);
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
        return std::string(pair.substr(equals + 1));
      }
    }
  }
  return "";
}

std::string browser_of(const Call& call) {
  std::string browser = cookie_of(call.request, browser_cookie);
  return is_random(browser) ? browser : "";
}

void keep_browser(const Call& call, http::Reply& reply, const std::string& browser) {
  reply.headers.emplace_back("Set-Cookie",
                             cookie(call, browser_cookie, browser, "/", sign_in_life, "Lax"));
}

void forget_browser(const Call& call, http::Reply& reply) {
  reply.headers.emplace_back("Set-Cookie",
                             cookie(call, browser_cookie, "", "/", std::chrono::seconds{0}, "Lax"));
}

std::string browser_hash(const std::string& browser) {
  return sha256_hex("browser " + browser);
}

std::string form_of(const Call& call, auth::Purpose purpose, const Form& form,
                    std::string& set_cookie) {
  // Kept where it is there: pages that are open in other tabs stay good.
  std::string of_browser = cookie_of(call.request, form_cookie);
  if (!is_random(of_browser)) of_browser = random_hex(random_bytes);
  set_cookie = cookie(call, form_cookie, of_browser, "/oauth2", form_life, "Strict");
  return auth::sign_claims(call.context.vault, purpose,
                           {{"browser", sha256_hex(of_browser)},
                            {"port", form.port},
                            {"login", json_text(form.login)},
                            {"jti", random_hex(16)}},
                           call.now + form_life);
}

std::string Posted::text(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return "";
}

Result<Posted> posted_form(const Call& call, auth::Purpose purpose) {
  auto fields = http::parse_form(call.request.body);
  if (!fields) return fields.error();
  Posted posted{.form = {}, .fields = *std::move(fields)};
  const auto claims =
      auth::verified_claims(call.context.vault, purpose, posted.text("form"), call.now);
  const std::string of_browser = cookie_of(call.request, form_cookie);
  if (!claims || of_browser.empty() ||
      !equal_in_constant_time(text_at(*claims, "browser"), sha256_hex(of_browser))) {
    return stale_form();
  }
  posted.form = {.port = static_cast<int>(number_at(*claims, "port")),
                 .login = text_at(*claims, "login"),
                 .id = text_at(*claims, "jti"),
                 .expires_at = from_milliseconds(number_at(*claims, "exp") * 1000)};
  return posted;
}

}  // namespace cupola::api::cloud
