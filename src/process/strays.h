#pragma once

/// Processes that nobody holds any more.

#include <string_view>

namespace cupola::process {

/// Kills each process that was started with the variable (`NAME=value`) in its environment, as far
/// as this one may look into others' and kill them. Gives how many; does not wait for their end.
/// Costs a look into each process of the machine, some 20 µs each.
int kill_strays(std::string_view variable);

}  // namespace cupola::process
