#pragma once

/// Lists for people: aligned columns on a terminal, or a Markdown table.

#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"

namespace cupola::cli {

struct Cell {
  Cell(std::string shown, Colour with = Colour::none) : text(std::move(shown)), colour(with) {}
  Cell(const char* shown) : text(shown) {}
  Cell(std::string_view shown) : text(shown) {}
  std::string text;
  Colour colour = Colour::none;
};

class Table {
 public:
  explicit Table(std::vector<std::string> headers) : headers_(std::move(headers)) {}

  /// One cell for each header. Control characters are shown as \xNN, line breaks as spaces.
  void add(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }

  /// Columns two spaces apart, headers in capitals; the last column is not filled up.
  std::string text(bool colours) const;
  std::string markdown() const;

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<Cell>> rows_;
};

/// How many columns the text takes on a terminal: its UTF-8 characters.
std::size_t shown_width(std::string_view text);

}  // namespace cupola::cli
