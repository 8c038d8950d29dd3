#include "api/cloud/paging.h"

#include <algorithm>

namespace cupola::api::cloud {
namespace {

constexpr int usual_size = 50;
constexpr int largest_size = 250;

/// Where the list is: tokens of one organization or project are none of another.
std::string place_of(const Call& call) {
  std::string place = call.in_path("organization");
  for (const char* name : {"project", "deployment", "run"}) {
    if (call.has_in_path(name)) place += "/" + call.in_path(name);
  }
  return place;
}

/// The lists of the other contract have the same words.
std::string name_of(std::string_view list) {
  return "cloud " + std::string(list);
}

}  // namespace

Page page_of(const Call& call, Query& query, std::string_view list) {
  Page page{.size = static_cast<int>(query.number("page_size", 1, largest_size, usual_size))};
  const std::vector<std::string> parts = query.cursor(name_of(list), 2, "page_token");
  if (parts.empty()) return page;
  if (parts[0] != place_of(call) || parts[1].empty()) query.refuse_cursor("page_token");
  page.after = parts[1];
  return page;
}

std::string token_of(const Call& call, std::string_view list, const std::string& after) {
  return cursor_of(name_of(list), {place_of(call), after});
}

http::Reply page_reply(json::array results, const std::string& next, int size) {
  json::value pagination;
  if (!next.empty()) pagination = {{"next_page_token", next}, {"page_size", size}};
  return json_reply(200, {{"results", std::move(results)}, {"pagination", std::move(pagination)}});
}

Result<http::Reply> page_of_all(const Call& call, std::string_view list, std::vector<Item> items) {
  Query query(call);
  const Page page = page_of(call, query, list);
  if (query.fault()) return *query.fault();
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.key < b.key; });
  json::array results;
  std::string last;
  for (Item& item : items) {
    if (!page.after.empty() && item.key <= page.after) continue;
    if (results.size() == static_cast<std::size_t>(page.size)) {
      return page_reply(std::move(results), token_of(call, list, last), page.size);
    }
    last = item.key;
    results.emplace_back(std::move(item.shown));
  }
  return page_reply(std::move(results), "", page.size);
}

}  // namespace cupola::api::cloud
