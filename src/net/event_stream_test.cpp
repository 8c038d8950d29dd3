#include "net/event_stream.h"

#include <vector>

#include <gtest/gtest.h>

#include "net/percent.h"

namespace cupola::net {
namespace {

std::vector<std::string> read_in_pieces(std::string_view text, std::size_t size) {
  std::vector<std::string> events;
  EventReader reader([&](const Event& event) {
    events.push_back(event.name + "|" + event.id + "|" + event.data);
    return true;
  });
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
    reader.feed(text.substr(0, size));
  }
  return events;
}

TEST(EventReaderTest, GivesTheSameEventsHoweverTheTextIsCut) {
  const std::string_view text =
      ": hello\n\nevent: line\nid: 7\ndata: {\"a\":1}\n\ndata:one\r\ndata: two\r\n\r\nid: 9\n\n"
      "event: end\rdata\r\rdata: cut off";
  const std::vector<std::string> expected{"line|7|{\"a\":1}", "message|7|one\ntwo", "end|9|"};

  for (std::size_t size = 1; size <= text.size(); ++size) {
    EXPECT_EQ(read_in_pieces(text, size), expected) << "in pieces of " << size;
  }
}

TEST(EventReaderTest, ReadsNothingMoreOnceTheReceiverHasEnough) {
  int count = 0;
  EventReader reader([&](const Event&) { return ++count < 2; });

  EXPECT_FALSE(reader.feed("data: 1\n\ndata: 2\n\ndata: 3\n\n"));
  EXPECT_FALSE(reader.feed("data: 4\n\n"));
  EXPECT_EQ(count, 2);
}

TEST(PercentTest, EncodesAllThatHasAMeaningInAUrl) {
  EXPECT_EQ(percent_encode("prod:tap a/b%?ü-._~"), "prod%3Atap%20a%2Fb%25%3F%C3%BC-._~");
}

}  // namespace
}  // namespace cupola::net
