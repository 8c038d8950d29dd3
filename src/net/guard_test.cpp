#include "net/guard.h"

#include <cstring>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "net/client.h"
#include "testing/receiver.h"

namespace cupola::net {
namespace {

std::string objection_to(const Guard& guard, const char* text, int port = 443) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
  } else if (::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
  } else {
    ADD_FAILURE() << text;
  }
  return guard.objection(reinterpret_cast<const sockaddr&>(storage));
}

TEST(GuardTest, Case32InnerAddressesAreNotDialled) {
  for (const char* address : {"127.0.0.1",
                              "127.255.255.254",
                              "0.0.0.0",
                              "10.0.0.1",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "100.127.255.255",
                              "192.0.0.1",
                              "198.18.0.1",
                              "224.0.0.1",
                              "239.255.255.255",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:127.0.0.1",
                              "::ffff:169.254.169.254",
                              "::127.0.0.1",
                              "fe80::1",
                              "fc00::1",
                              "fd00:ec2::254",
                              "ff02::1",
                              "fec0::1",
                              "2002:7f00:1::",
                              "2002:a9fe:a9fe::1",
                              "64:ff9b::a9fe:a9fe",
                              "64:ff9b::10.0.0.1",
                              "64:ff9b:1::1",
                              "2001::1",
                              "2001:db8::1",
                              "100::1"}) {
    EXPECT_NE(objection_to(Guard{}, address), "") << address;
  }
}

TEST(GuardTest, OuterAddressesAre) {
  for (const char* address :
       {"1.1.1.1", "93.184.216.34", "172.32.0.1", "172.15.255.255", "100.63.255.255", "100.128.0.1",
        "11.0.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::1.1.1.1",
        "2002:101:101::1", "::ffff:8.8.8.8"}) {
    EXPECT_EQ(objection_to(Guard{}, address), "") << address;
  }
}

TEST(GuardTest, Case32PortsOfOtherProtocolsAreNotDialledWhereverTheyAre) {
  const Guard guard({*parse_network("10.0.0.0/8")});
  for (const int port : {22, 25, 465, 587, 3306, 5432, 6379, 11211, 27017}) {
    EXPECT_NE(objection_to(guard, "1.1.1.1", port), "") << port;
    EXPECT_NE(objection_to(guard, "10.0.0.1", port), "") << port;
  }
  EXPECT_EQ(objection_to(guard, "1.1.1.1", 8443), "");
}

TEST(GuardTest, WhatIsAllowedIsDialledAndNothingBesides) {
  const Guard guard({*parse_network("10.1.0.0/16"), *parse_network("fd00:1::/32"),
                     *parse_network("192.168.7.7")});

  EXPECT_EQ(objection_to(guard, "10.1.2.3"), "");
  EXPECT_EQ(objection_to(guard, "::ffff:10.1.2.3"), "");
  EXPECT_EQ(objection_to(guard, "fd00:1::9"), "");
  EXPECT_EQ(objection_to(guard, "192.168.7.7"), "");
  EXPECT_NE(objection_to(guard, "10.2.0.1"), "");
  EXPECT_NE(objection_to(guard, "192.168.7.8"), "");
  EXPECT_NE(objection_to(guard, "127.0.0.1"), "");
}

TEST(GuardTest, NoSocketButOfTheInternet) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;

  EXPECT_NE(Guard{}.objection(reinterpret_cast<const sockaddr&>(local)), "");
}

TEST(GuardTest, Case32UrlsThatAreNoneOfAWebhookAreRefused) {
  for (const std::string url : {"",
                                "hook",
                                "//example.com/",
                                "ftp://example.com/",
                                "gopher://example.com/",
                                "file:///etc/passwd",
                                "unix:///run/x.sock",
                                "http://",

                                "https://ada@example.com/",
                                "https://ada:word@example.com/",
                                "https://:@example.com/",
                                "https://@example.com/",
                                "https://example.com:22/",
                                "https://example.com:25/",
                                "https://example.com:5432/",
                                "https://example.com:0/",
                                "https://example.com:99999/",
                                "https://example.com/#part",
                                "https://exa mple.com/",
                                "https://example.com/a b",
                                "http://127.0.0.1/",
                                "http://2130706433/",
                                "http://0x7f000001/",
                                "http://0177.0.0.1/",
                                "http://127.1/",
                                "http://0/",
                                "http://[::1]/",
                                "http://[::ffff:169.254.169.254]/",
                                "http://[2002:7f00:1::]/",
                                "http://[64:ff9b::127.0.0.1]/",
                                "http://169.254.169.254/x"}) {
    EXPECT_FALSE(Guard{}.check_url(url)) << url;
  }
  for (const char* url : {"https://example.com/\r\nX: y", "https://example.com/\n", "https://a\tb/",
                          "https://example.com/\x7f"}) {
    EXPECT_FALSE(Guard{}.check_url(url)) << url;
  }
  EXPECT_FALSE(Guard{}.check_url(std::string_view("https://example.com/\0", 21)));
  EXPECT_FALSE(Guard{}.check_url("https://example.com/" + std::string(2000, 'x')));
}

TEST(GuardTest, OthersAreTaken) {
  for (const char* url : {"https://example.com/hook?key=a%20b", "http://example.com:8080/",
                          "https://1.1.1.1/", "https://[2606:4700::1111]/x"}) {
    const auto checked = Guard{}.check_url(url);

    ASSERT_TRUE(checked) << url << " " << checked.error().message;
    EXPECT_EQ(*checked, url);
  }
  EXPECT_TRUE(Guard({*parse_network("127.0.0.0/8")}).check_url("http://127.0.0.1:9000/hook"));
}

TEST(GuardTest, NetworksAreReadStrictly) {
  for (const char* text : {"", "10", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x",
                           "::/129", "example.com", "10.0.0.0/8/9"}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
  EXPECT_TRUE(parse_network("0.0.0.0/0")->contains(parse_network("8.8.8.8")->base));
  EXPECT_FALSE(parse_network("0.0.0.0/0")->contains(parse_network("::1")->base));
}

TEST(GuardTest, Case32ANameIsJudgedByTheAddressThatItHasWhenItIsDialled) {
  const Guard guard;
  for (const char* url :
       {"http://localhost:8080/", "http://LOCALHOST:8080/", "http://127.1:8080/"}) {
    const auto response = send({.url = url, .guard = &guard});

    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().kind, Error::Kind::forbidden) << response.error().message;
  }
}

TEST(GuardTest, Case32NoProxyDialsInOurPlace) {
  const Guard guard({*parse_network("127.0.0.0/8")});
  testing::Receiver proxy;
  const std::string address = proxy.url();
  setenv("http_proxy", address.c_str(), 1);

  const auto response = send({.url = "http://10.0.0.1:8080/", .guard = &guard});
  unsetenv("http_proxy");

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Error::Kind::forbidden) << response.error().message;
  EXPECT_TRUE(proxy.requests().empty());
}

}  // namespace
}  // namespace cupola::net
