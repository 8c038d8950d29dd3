#pragma once

/// Replies to reads that are asked for again and again, while nothing was written. Private.

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "api/route.h"

namespace cupola::api {

/// Keeps bodies of replies by organization and request. Each is given as long as no write went
/// through this server's database object, and for 200 ms at most: so one sees one's own writes at
/// once, and those of another server on the same database 200 ms late. Safe from any thread.
class PageCache {
 public:
  static constexpr std::chrono::milliseconds longest{200};

  /// The kept body for the request, or nothing.
  std::optional<std::string> find(const Call& call);
  /// Keeps `body`, which was read after the database had `writes`.
  void keep(const Call& call, std::uint64_t writes, const std::string& body);

 private:
  struct Page {
    std::string body;
    std::uint64_t writes = 0;
    std::chrono::steady_clock::time_point since;
  };

  std::mutex mutex_;
  std::map<std::string, Page> pages_;
};

}  // namespace cupola::api
