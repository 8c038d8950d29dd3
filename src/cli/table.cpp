#include "cli/table.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace cupola::cli {
namespace {

std::string one_line(std::string_view text) {
  std::string result = printable(text);
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return result;
}

void pad(std::string& line, std::size_t count) {
  line.append(count, ' ');
}

}  // namespace

std::size_t shown_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
  }));
}

void Table::add(std::vector<Cell> cells) {
  CUPOLA_CHECK(cells.size() == headers_.size());
  for (Cell& cell : cells) cell.text = one_line(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::text(bool colours) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headers_.size(); ++i) {
    std::size_t width = shown_width(headers_[i]);
    for (const auto& row : rows_) width = std::max(width, shown_width(row[i].text));
    widths.push_back(width);
  }

  std::string result;
  const auto add_line = [&](const std::vector<Cell>& row) {
    std::string line;
    std::size_t owed = 0;  // spaces, written only when something follows
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (!row[i].text.empty()) {
        pad(line, std::exchange(owed, 0));
        line += painted(row[i].text, row[i].colour, colours);
      }
      owed += widths[i] - shown_width(row[i].text) + 2;
    }
    result += line + '\n';
  };

  std::vector<Cell> head;
  for (const auto& header : headers_) head.emplace_back(to_upper(header), Colour::dim);
  add_line(head);
  for (const auto& row : rows_) add_line(row);
  return result;
}

std::string Table::markdown() const {
  std::string result = "|";
  for (const auto& header : headers_) result += " " + header + " |";
  result += "\n|";
  for (std::size_t i = 0; i < headers_.size(); ++i) result += " --- |";
  result += '\n';
  for (const auto& row : rows_) {
    result += '|';
    for (const auto& cell : row) {
      result += ' ';
      for (const char c : cell.text) result += c == '|' ? "\\|" : std::string(1, c);
      result += " |";
    }
    result += '\n';
  }
  return result;
}

}  // namespace cupola::cli
