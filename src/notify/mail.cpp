#include "notify/mail.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"

namespace cupola::notify {
namespace {

constexpr std::size_t longest_address = 254;
constexpr std::size_t longest_local_part = 64;
constexpr std::size_t longest_label = 63;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Atoms with single dots between (RFC 5321, dot-string).
bool is_local_part(std::string_view text) {
  if (text.empty() || text.size() > longest_local_part) return false;
  for (const std::string_view atom : split(text, '.')) {
    if (atom.empty()) return false;
    for (const char c : atom) {
      if (!is_letter_or_digit(c) &&
          std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) == std::string_view::npos) {
        return false;
      }
    }
  }
  return true;
}

bool is_domain(std::string_view text) {
  if (text.empty() || text.find('.') == std::string_view::npos) return text == "localhost";
  for (const std::string_view label : split(text, '.')) {
    if (label.empty() || label.size() > longest_label || label.front() == '-' ||
        label.back() == '-') {
      return false;
    }
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-'; })) {
      return false;
    }
  }
  return true;
}

std::string base64_lines(std::string_view text) {
  constexpr std::size_t width = 76;
  const std::string encoded = to_base64(text);
  std::string lines;
  for (std::size_t at = 0; at < encoded.size(); at += width) {
    lines += encoded.substr(at, width) + "\r\n";
  }
  return lines;
}

/// Words of RFC 2047, one a line; 45 bytes are 60 characters of base64, and no character is cut.
std::string encoded_words(std::string_view text) {
  constexpr std::size_t piece = 45;
  const std::string safe = printable(text);
  std::string encoded;
  for (std::string_view rest = safe; !rest.empty();) {
    std::size_t size = std::min(piece, rest.size());
    while (size < rest.size() && size > 1 &&
           (static_cast<unsigned char>(rest[size]) & 0xc0u) == 0x80u) {
      --size;
    }
    if (!encoded.empty()) encoded += "\r\n ";
    encoded += "=?utf-8?B?" + to_base64(rest.substr(0, size)) + "?=";
    rest.remove_prefix(size);
  }
  return encoded;
}

/// A name before an address: some characters that are plain elsewhere mean something there.
std::string phrase(std::string_view name) {
  const bool is_plain = std::all_of(name.begin(), name.end(),
                                    [](char c) { return is_letter_or_digit(c) || c == ' '; });
  return is_plain ? std::string(name) : encoded_words(name);
}

/// "Tue, 24 Nov 2026 03:18:00 +0000".
std::string mail_date(Instant now) {
  const std::time_t seconds = to_milliseconds(now) / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000",
                     days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                     months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string plain_text(const Message& message) {
  std::string text = message.description + "\n\n";
  for (const std::string& other : message.others) text += "- " + other + "\n";
  if (!message.others.empty()) text += "\n";
  if (message.cancellation) text += "Reason: " + message.cancellation->reason + "\n\n";
  if (!message.link.empty()) text += "The run: " + message.link + "\n";
  text += fmt::format("At: {}\nRun: {}\n", to_rfc3339(message.at), message.run);
  return text;
}

std::string html_text(const Message& message) {
  std::string html = "<!DOCTYPE html>\n<html><body>\n<p><strong>" + escape_html(message.headline) +
                     "</strong></p>\n<p>" + escape_html(message.description) + "</p>\n";
  if (!message.others.empty()) html += "<ul>\n";
  for (const std::string& other : message.others) html += "<li>" + escape_html(other) + "</li>\n";
  if (!message.others.empty()) html += "</ul>\n";
  if (message.cancellation) {
    html += "<p>Reason: " + escape_html(message.cancellation->reason) + "</p>\n";
  }
  if (!message.link.empty()) {
    const std::string link = escape_html(message.link);
    html += "<p><a href=\"" + link + "\">The run</a></p>\n";
  }
  html += "<p>" + to_rfc3339(message.at) + ", run " + escape_html(message.run) + "</p>\n";
  return html + "</body></html>\n";
}

std::string part(std::string_view type, std::string_view text) {
  return fmt::format(
      "Content-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", type,
      base64_lines(text));
}

}  // namespace

Result<std::string> check_address(std::string_view text) {
  const auto at = text.rfind('@');
  const bool is_one = at != std::string_view::npos && text.size() <= longest_address &&
                      is_local_part(text.substr(0, at)) && is_domain(text.substr(at + 1));
  if (is_one) return std::string(text);
  return Error{Error::Kind::invalid, quoted(text) + " is no e-mail address.",
               "Write it as ada@example.com."};
}

Result<Sender> parse_sender(std::string_view text) {
  const auto open = text.rfind('<');
  if (open == std::string_view::npos || !text.ends_with('>')) {
    auto address = check_address(trim(text));
    if (!address) return address.error();
    return Sender{.name = "", .address = *std::move(address)};
  }
  auto address = check_address(text.substr(open + 1, text.size() - open - 2));
  if (!address) return address.error();
  const std::string name(trim(text.substr(0, open)));
  if (printable(name) != name || name.find_first_of("\r\n\t") != std::string::npos) {
    return Error{Error::Kind::invalid, "The sender's name has control characters."};
  }
  return Sender{.name = name, .address = *std::move(address)};
}

std::string encode_header(std::string_view text) {
  constexpr std::size_t longest_plain = 900;
  const bool is_plain =
      text.size() <= longest_plain && text.find("=?") == std::string_view::npos &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  return is_plain ? std::string(text) : encoded_words(text);
}

std::string mail_text(const Message& message, const Sender& from, std::string_view to,
                      Instant now) {
  return mail_text({.id = message.delivery,
                    .subject = message.headline,
                    .text = plain_text(message),
                    .html = html_text(message)},
                   from, to, now);
}

std::string mail_text(const Letter& letter, const Sender& from, std::string_view to, Instant now) {
  const std::string boundary = "cupola-" + letter.id;
  const std::string domain = from.address.substr(from.address.rfind('@') + 1);
  const std::string sender =
      from.name.empty() ? from.address : fmt::format("{} <{}>", phrase(from.name), from.address);
  std::string text;
  text += "From: " + sender + "\r\n";
  text += fmt::format("To: {}\r\n", to);
  text += "Subject: " + encode_header(shortened(letter.subject, 200)) + "\r\n";
  text += "Date: " + mail_date(now) + "\r\n";
  text += fmt::format("Message-ID: <{}@{}>\r\n", letter.id, domain);
  text += "Auto-Submitted: auto-generated\r\n";
  text += "MIME-Version: 1.0\r\n";
  text += fmt::format("Content-Type: multipart/alternative; boundary=\"{}\"\r\n\r\n", boundary);
  text += fmt::format("--{}\r\n{}", boundary, part("text/plain", letter.text));
  text += fmt::format("--{}\r\n{}", boundary, part("text/html", letter.html));
  text += fmt::format("--{}--\r\n", boundary);
  return text;
}

std::string escape_html(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

}  // namespace cupola::notify
