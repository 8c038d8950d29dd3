#pragma once

/// Lists as the cloud CLI reads them: {"results": […], "pagination": {…} or null}. On the last page
/// "pagination" itself is null: with a null token in it the CLI would begin again. Private.

#include <string>
#include <string_view>
#include <vector>

#include "api/input.h"
#include "api/route.h"

namespace cupola::api::cloud {

/// What ?page_size= and ?page_token= say.
struct Page {
  int size = 0;
  std::string after;  ///< what `token_of` was given; empty to begin
};
/// Of the list of that name at this path. A token of another list is a fault.
Page page_of(const Call& call, Query& query, std::string_view list);
std::string token_of(const Call& call, std::string_view list, const std::string& after);

/// Empty `next`: the last page.
http::Reply page_reply(json::array results, const std::string& next, int size);

/// An item of a list that is read whole, and where it stands in it.
struct Item {
  std::string key;
  json::object shown;
};
/// The page that the request asks for, of items in any order. Errors: invalid.
Result<http::Reply> page_of_all(const Call& call, std::string_view list, std::vector<Item> items);

}  // namespace cupola::api::cloud
