#pragma once

/// Mails: addresses that may be written to, and the text of one (RFC 5322, 2045 to 2047).

#include <string>
#include <string_view>

#include "base/outcome.h"
#include "base/time.h"
#include "notify/message.h"

namespace cupola::notify {

/// The address of a person, "ada@example.com": a plain one (no comments, quotes, brackets), ASCII,
/// at most 254 bytes. Errors: invalid.
Result<std::string> check_address(std::string_view text);

/// "Cupola <cupola@example.com>", or an address alone. Errors: invalid.
struct Sender {
  std::string name;
  std::string address;
};
Result<Sender> parse_sender(std::string_view text);

/// A value of a header: as it is, or encoded words where it is not plain ASCII; never a line break
/// that was not ours, nor a control character.
std::string encode_header(std::string_view text);

/// What a mail says, as a plain text and the same as HTML.
struct Letter {
  std::string id;  ///< letters, digits and hyphens that no other mail has
  std::string subject;
  std::string text;
  std::string html;
};
/// Header and body of the mail, lines end with CRLF.
std::string mail_text(const Letter& letter, const Sender& from, std::string_view to, Instant now);
std::string mail_text(const Message& message, const Sender& from, std::string_view to, Instant now);

/// The text with <, >, &, " and ' as HTML has them.
std::string escape_html(std::string_view text);

}  // namespace cupola::notify
