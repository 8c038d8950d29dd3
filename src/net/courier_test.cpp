#include "net/courier.h"

#include <optional>
#include <thread>

#include <gmock/gmock.h>

#include "testing/receiver.h"

namespace cupola::net {
namespace {

using testing::Receiver;

class CourierTest : public ::testing::Test {
 protected:
  /// Sends, and waits for its end.
  Outcome outcome_of(Request request) {
    std::optional<Outcome> ended;
    courier.send(std::move(request), [&](Outcome outcome) { ended = std::move(outcome); });
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!ended && std::chrono::steady_clock::now() < until) {
      courier.wait(std::chrono::milliseconds{100});
    }
    return ended.value_or(Outcome{.error = "it did not end"});
  }

  Courier courier;
  Receiver receiver;
};

TEST_F(CourierTest, SendsTheBodyAndTellsStatusAndHeaders) {
  receiver.answer_with({testing::http_answer(429, "Retry-After: 7\r\n")});

  const Outcome outcome = outcome_of(
      {.method = "POST", .url = receiver.url(), .headers = {{"X-A", "b"}}, .body = "hello"});

  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.status, 429);
  EXPECT_THAT(outcome.headers,
              ::testing::Contains(std::pair<std::string, std::string>("retry-after", "7")));
  EXPECT_EQ(receiver.requests().at(0).body, "hello");
  EXPECT_EQ(receiver.requests().at(0).header("x-a"), "b");
}

TEST_F(CourierTest, Case15ASilentReceiverHoldsUpNobodyAndHasALimit) {
  Receiver silent;
  silent.answer_with({""});
  std::optional<Outcome> slow;
  courier.send(Request{.url = silent.url(), .timeouts = {.total = std::chrono::seconds{2}}},
               [&](Outcome outcome) { slow = std::move(outcome); });

  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(outcome_of({.url = receiver.url()}).status, 204);
  }

  EXPECT_FALSE(slow);
  while (!slow) courier.wait(std::chrono::seconds{1});
  EXPECT_NE(slow->error, "");
  EXPECT_GE(slow->took, std::chrono::milliseconds{1900});
  EXPECT_EQ(courier.under_way(), 0u);
}

TEST_F(CourierTest, Case15OfABodyOnlyThatMuchIsReadAndTheAnswerCounts) {
  receiver.answer_with(
      {"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n" + std::string(100'000, 'x')});

  const Outcome outcome = outcome_of({.url = receiver.url(), .most = 1000});

  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.status, 200);
}

TEST_F(CourierTest, Case15ABodyThatBreaksOffIsNoAnswer) {
  receiver.answer_with({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"});

  EXPECT_NE(outcome_of({.url = receiver.url()}).error, "");
}

TEST_F(CourierTest, Case15AHeaderWithoutEndIsCutOff) {
  std::string header = "HTTP/1.1 200 OK\r\n";
  while (header.size() < 200'000) header += "X-Filler: " + std::string(100, 'x') + "\r\n";
  receiver.answer_with({header + "\r\n"});

  EXPECT_THAT(outcome_of({.url = receiver.url()}).error, ::testing::HasSubstr("no end"));
}

TEST_F(CourierTest, Case32TheGuardIsAskedForEachAddress) {
  const Guard guard;

  const Outcome outcome = outcome_of({.url = receiver.url(), .guard = &guard});

  EXPECT_TRUE(outcome.refused);
  EXPECT_THAT(outcome.error, ::testing::HasSubstr("inner address"));
  EXPECT_TRUE(receiver.requests().empty());
}

TEST_F(CourierTest, AWakeEndsTheWait) {
  std::jthread other([this] { courier.wake(); });

  const auto begun = std::chrono::steady_clock::now();
  courier.wait(std::chrono::seconds{20});

  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds{10});
}

TEST_F(CourierTest, AMailToNobodyWhoListensSaysSo) {
  std::optional<Outcome> ended;
  courier.send(Mail{.server = "smtp://127.0.0.1:1",
                    .from = "a@example.com",
                    .to = "b@example.com",
                    .data = "x\r\n"},
               [&](Outcome outcome) { ended = std::move(outcome); });
  while (!ended) courier.wait(std::chrono::seconds{1});

  EXPECT_EQ(ended->status, 0);
  EXPECT_NE(ended->error, "");
}

}  // namespace
}  // namespace cupola::net
