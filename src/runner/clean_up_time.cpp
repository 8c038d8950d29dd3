#include "runner/clean_up_time.h"

#include <optional>

#include "base/log.h"
#include "store/settings.h"

namespace cupola::runner {
namespace {

constexpr std::string_view seen_name = "clean_up_seen_at";
constexpr std::string_view doubt_name = "clean_up_doubted_since";

std::optional<Instant> find_instant(db::Session& db, std::string_view name) {
  const auto text = store::find_setting(db, name);
  return text ? parse_rfc3339(*text) : std::nullopt;
}

}  // namespace

bool may_clean_up(db::Database& database, Instant now) {
  struct Look {
    std::optional<Instant> seen;
    std::optional<Instant> doubted_since;
  };
  const Look look = database.write([&](db::Session& db) {
    Look found{.seen = find_instant(db, seen_name), .doubted_since = find_instant(db, doubt_name)};
    if (found.doubted_since && now < *found.doubted_since) found.doubted_since.reset();
    if (found.seen && now - *found.seen > longest_gap) found.doubted_since = now;
    if (found.doubted_since && now - *found.doubted_since >= doubt_lasts)
      found.doubted_since.reset();
    store::put_setting(db, seen_name, to_rfc3339(now));
    store::put_setting(db, doubt_name, found.doubted_since ? to_rfc3339(*found.doubted_since) : "");
    return found;
  });
  if (!look.doubted_since) return true;
  log_warning(
      "Nothing old is removed until {}: at {} the clock had gone on by more than {} since the look "
      "before. If the server was down so long, nothing is to be done; else set the clock right.",
      to_rfc3339(*look.doubted_since + doubt_lasts), to_rfc3339(*look.doubted_since),
      to_text(longest_gap));
  return false;
}

}  // namespace cupola::runner
