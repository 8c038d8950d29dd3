#include "http/wire.h"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::http {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

constexpr std::size_t longest_reason = 300;

/// A character that is not ASCII is several bytes: one '?' stands for all.
std::string safe_reason(std::string_view text) {
  std::string safe;
  for (const char letter : text.substr(0, longest_reason)) {
    const bool printable = letter >= 0x20 && letter < 0x7f;
    if (printable || !safe.ends_with('?')) safe += printable ? letter : '?';
  }
  return safe;
}

constexpr std::pair<std::string_view, std::string_view> defaults[] = {
    {"Cache-Control", "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
};

bool has_header(const Reply& reply, std::string_view name) {
  const auto same = [&](const auto& header) { return to_lower(header.first) == to_lower(name); };
  return !reply.headers.empty() && std::any_of(reply.headers.begin(), reply.headers.end(), same);
}

// A line break in a value would begin another header field.
std::string one_line(std::string_view value) {
  std::string line(value);
  std::replace_if(
      line.begin(), line.end(), [](char letter) { return letter == '\r' || letter == '\n'; }, ' ');
  return line;
}

}  // namespace

std::string to_wire(const Reply& reply, const ReplyHead& head) {
  std::string wire;
  wire.reserve(512);
  const auto add = [&](std::string_view name, std::string_view value) {
    wire.append(name).append(": ").append(value).append("\r\n");
  };
  fmt::format_to(std::back_inserter(wire), "HTTP/1.1 {} {}\r\n", reply.status,
                 reply.reason.empty() ? reason(reply.status) : safe_reason(reply.reason));
  add("Date", head.date);
  const bool has_body = reply.status != 204 && reply.status != 304;
  if (has_body) add("Content-Type", one_line(reply.content_type));
  if (reply.stream) {
    if (!head.http_1_0) add("Transfer-Encoding", "chunked");
  } else if (has_body) {
    add("Content-Length", fmt::format_int(reply.body.size()).c_str());
  }
  for (const auto& [name, value] : reply.headers) add(one_line(name), one_line(value));
  for (const auto& [name, value] : defaults) {
    if (!has_header(reply, name)) add(name, value);
  }
  add("X-Request-Id", head.request_id);
  if (!head.keep_alive) {
    add("Connection", "close");
  } else if (head.http_1_0) {
    add("Connection", "keep-alive");
  }
  wire += "\r\n";
  return wire;
}

std::string chunk(std::string_view data) {
  if (data.empty()) return "";
  std::string wire = fmt::format("{:x}\r\n", data.size());
  wire.append(data).append("\r\n");
  return wire;
}

std::string http_date(std::int64_t seconds_since_1970) {
  const auto time = static_cast<std::time_t>(seconds_since_1970);
  std::tm parts{};
  gmtime_r(&time, &parts);
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[parts.tm_wday], parts.tm_mday,
                     months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                     parts.tm_sec);
}

void add_request_id(Reply& reply, std::string_view request_id) {
  add_to_problem(reply, "request_id", request_id);
}

}  // namespace cupola::http
