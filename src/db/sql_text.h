#pragma once

/// From the SQL text that store/ writes to what each database's own interface takes.

#include <string>
#include <string_view>
#include <vector>

namespace cupola::db {

enum class Dialect { sqlite, postgres };

/// A statement with numbered parameters: `names[0]` is the `:name` of ?1 (SQLite) or $1.
struct SqlText {
  std::string text;
  std::vector<std::string> names;
};

/// Turns each `:name` outside of literals, quoted names and comments into a number (the same name
/// gets the same number; `::` is left alone), and for PostgreSQL `/* pg: … */` into what it says.
SqlText translate(std::string_view sql, Dialect dialect);

/// The same for a script of several statements that has no parameters.
std::string translate_script(std::string_view sql, Dialect dialect);

}  // namespace cupola::db
