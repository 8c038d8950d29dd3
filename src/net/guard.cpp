#include "net/guard.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "base/text.h"

namespace cupola::net {
namespace {

constexpr std::size_t longest_url = 2000;

/// Which IPv4 addresses belong to nobody outside (RFC 6890 and its registry, as of 2024).
constexpr std::string_view inner_v4[] = {
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",   "127.0.0.0/8",     "169.254.0.0/16",
    "172.16.0.0/12",  "192.0.0.0/24",   "192.0.2.0/24",    "192.31.196.0/24", "192.52.193.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",   "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
};
/// Of IPv6 only 2000::/3 is in use outside, and this of it is not, or stands for something else.
constexpr std::string_view outer_v6 = "2000::/3";
constexpr std::string_view inner_v6[] = {"2001::/23", "2001:db8::/32", "2620:4f:8000::/48",
                                         "3fff::/20"};
/// IPv6 addresses with an IPv4 one in them, and where in bytes: that one is judged.
constexpr std::pair<std::string_view, std::size_t> carriers[] = {{"2002::/16", 2},
                                                                 {"64:ff9b::/96", 12}};

/// Those of the Fetch standard ("bad ports"), and servers that trust whoever reaches them.
constexpr std::uint16_t foreign_ports[] = {
    1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,   23,    25,    37,    42,
    43,   53,   69,   77,   79,   87,   95,   101,  102,  103,  104,  109,   110,   111,   113,
    115,  117,  119,  123,  135,  137,  138,  139,  143,  161,  162,  179,   389,   427,   445,
    465,  512,  513,  514,  515,  526,  530,  531,  532,  540,  548,  554,   556,   563,   587,
    601,  636,  873,  989,  990,  993,  995,  1433, 1521, 1719, 1720, 1723,  2049,  2181,  2375,
    2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672,  5900,  6000,  6379,
    6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042, 9092, 9300, 10080, 10250, 11211, 27017,
};

AddressBytes mapped(const void* v4) {
  AddressBytes bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(&bytes[12], v4, 4);
  return bytes;
}

bool is_v4(const AddressBytes& address) {
  static constexpr std::array<std::uint8_t, 12> prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

std::optional<AddressBytes> parse_address(const std::string& text) {
  AddressBytes bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return mapped(&v4);
  return std::nullopt;
}

std::string shown(const AddressBytes& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_v4(address)) {
    ::inet_ntop(AF_INET, &address[12], text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, address.data(), text, sizeof text);
  }
  return text;
}

std::vector<Network> networks(const std::string_view* begin, const std::string_view* end) {
  std::vector<Network> list;
  std::transform(begin, end, std::back_inserter(list),
                 [](std::string_view text) { return parse_network(text).value(); });
  return list;
}

bool any_contains(const std::vector<Network>& list, const AddressBytes& address) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Network& network) { return network.contains(address); });
}

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, UrlDeleter> owned(text);
  return text;
}

Error refused(std::string why, std::string hint) {
  return {Error::Kind::invalid, std::move(why), std::move(hint)};
}

}  // namespace

bool Network::contains(const AddressBytes& address) const {
  for (int bit = 0; bit < prefix; bit += 8) {
    const auto at = static_cast<std::size_t>(bit / 8);
    const int bits = std::min(8, prefix - bit);
    const auto mask = static_cast<std::uint8_t>(0xff00u >> static_cast<unsigned>(bits));
    if (((base[at] ^ address[at]) & mask) != 0) return false;
  }
  return true;
}

Result<Network> parse_network(std::string_view text) {
  const Error error =
      refused(quoted(text) + " is no network.", "Write it as 10.0.0.0/8, fd00::/8 or 192.168.1.7.");
  const auto slash = text.find('/');
  const auto base = parse_address(std::string(text.substr(0, slash)));
  if (!base) return error;
  const int most = is_v4(*base) ? 32 : 128;
  int prefix = most;
  if (slash != std::string_view::npos) {
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + slash + 1, end, prefix);
    if (read.ec != std::errc{} || read.ptr != end || prefix < 0 || prefix > most) return error;
  }
  return Network{.base = *base, .prefix = prefix + 128 - most};
}

bool Guard::is_denied(const AddressBytes& address) const {
  static const std::vector<Network> v4 = networks(std::begin(inner_v4), std::end(inner_v4));
  static const std::vector<Network> v6 = networks(std::begin(inner_v6), std::end(inner_v6));
  static const Network outer = parse_network(outer_v6).value();
  if (any_contains(allowed_, address)) return false;
  if (is_v4(address)) return any_contains(v4, address);
  for (const auto& [network, offset] : carriers) {
    if (parse_network(network)->contains(address)) return is_denied(mapped(&address[offset]));
  }
  return !outer.contains(address) || any_contains(v6, address);
}

std::string Guard::objection(const sockaddr& address) const {
  AddressBytes bytes{};
  unsigned port = 0;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    bytes = mapped(&v4.sin_addr);
    port = ntohs(v4.sin_port);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    port = ntohs(v6.sin6_port);
  } else {
    return "it is no internet address";
  }
  if (is_foreign_port(port)) return fmt::format("port {} is of another protocol", port);
  if (is_denied(bytes)) return fmt::format("{} is an inner address", shown(bytes));
  return "";
}

Result<std::string> Guard::check_url(std::string_view url) const {
  const bool has_strange = std::any_of(url.begin(), url.end(), [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte <= 0x20 || byte == 0x7f;
  });
  if (url.empty() || url.size() > longest_url || has_strange || !is_utf8(url)) {
    return refused(fmt::format("A URL has from 1 to {} bytes, no spaces and no control characters.",
                               longest_url),
                   "Percent-encode what is special.");
  }
  const std::unique_ptr<CURLU, UrlDeleter> parsed(curl_url());
  if (!parsed) throw Failure("libcurl could not be started: no memory");
  if (curl_url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(),
                   CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return refused(quoted(url) + " is no URL.", "Write it as https://example.com/hook.");
  }
  const std::string scheme = part_of(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    return refused("The URL is not of http or https.", "Write it as https://example.com/hook.");
  }
  if (!part_of(parsed.get(), CURLUPART_USER).empty() ||
      !part_of(parsed.get(), CURLUPART_PASSWORD).empty() ||
      url.substr(0, url.find_first_of("/?#", scheme.size() + 3)).find('@') !=
          std::string_view::npos) {
    return refused("The URL has a user name or password in it.",
                   "Verify the signature instead: each webhook carries one.");
  }
  if (!part_of(parsed.get(), CURLUPART_FRAGMENT).empty()) {
    return refused("The URL has a fragment ('#…'), which is never sent.", "Leave it out.");
  }
  std::string host = part_of(parsed.get(), CURLUPART_HOST);
  if (host.empty()) return refused(quoted(url) + " names no host.", "");
  unsigned port = 0;
  const std::string digits = part_of(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (port == 0 || is_foreign_port(port)) {
    return refused(fmt::format("Port {} is of another protocol than HTTP.", digits),
                   "Let the receiver listen on another port.");
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (const auto address = parse_address(host); address && is_denied(*address)) {
    return refused(fmt::format("{} is an inner address.", shown(*address)),
                   "The server's administrator can allow it: --allow-inner-receivers.");
  }
  return std::string(url);
}

bool is_foreign_port(unsigned port) {
  return port == 0 || std::find(std::begin(foreign_ports), std::end(foreign_ports), port) !=
                          std::end(foreign_ports);
}

}  // namespace cupola::net
