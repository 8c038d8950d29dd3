#pragma once

/// Exports for spreadsheets: CSV as RFC 4180 says. Private.

#include <string>
#include <string_view>

#include "http/server.h"

namespace cupola::api {

/// A cell. What a spreadsheet would take for a formula is made a text.
std::string csv_cell(std::string_view text);

/// The head of a reply that is kept as a file of that name.
http::Reply csv_reply(const std::string& file_name);

}  // namespace cupola::api
