#pragma once

/// The terminal, or the file or pipe in its place: colours, questions, output that may fail.

#include <cstdio>
#include <string>
#include <string_view>

#include "base/outcome.h"
#include "base/secret.h"

namespace cupola::cli {

enum class Colour { none, red, green, yellow, blue, dim, bold };

/// Whether colours are wanted there: a terminal, and neither NO_COLOR nor TERM=dumb is set.
bool has_colours(std::FILE* stream);

/// The text in that colour, or as it is when `wanted` is false.
std::string painted(std::string_view text, Colour colour, bool wanted);

/// Columns of the terminal on standard output; 0 where it is none.
std::size_t terminal_width();

/// Writes to standard output at once. Throws Failure when it cannot take it (a full disk); ends the
/// program by SIGPIPE, as others do, when nobody reads any more.
void print(std::string_view text);

/// Writes one line to standard error.
void say(std::string_view line);

/// A secret: typed without echo after `prompt` where standard input is a terminal, else the whole
/// of standard input without the newline at its end. Errors: invalid (empty, or over 1 MiB).
Result<Secret> read_secret(std::string_view prompt);

/// The whole of the file, at most `limit` bytes, or of standard input where it is "-" or empty.
/// Errors: those of read_file; too_large (over 64 MiB).
Result<std::string> read_file_or_input(const std::string& file, std::size_t limit);

/// Asks on the terminal; true without asking where standard input is none.
bool is_confirmed(std::string_view question);

}  // namespace cupola::cli
