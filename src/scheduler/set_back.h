#pragma once

/// What is done when the clock has been set back: fires that were judged ahead of their time are
/// judged again when it comes.

#include <chrono>

#include "db/database.h"
#include "scheduler/moment.h"

namespace cupola::scheduler {

/// Servers whose clocks differ by less are not taken for clocks that were set. No schedule has two
/// fires within this time, so that none can have been missed for its sake.
inline constexpr std::chrono::milliseconds clocks_differ_by = 60s;

/// Rows that say they were made more than `clocks_differ_by` after the moment tell that the clock
/// stood ahead and has been set back. Then
///
///  - fires that were recorded as missed or skipped ahead of time are forgotten, and each schedule
///    awaits the first fire after the last that was noticed by now: those that went by meanwhile
///    are judged as after downtime, those that are to come fire at their time;
///  - a fire that has started keeps its run and its row, and does not start again;
///  - the run of a fire that waits in the queue while others of its schedule come before it ends
///    skipped, `clock_set_back`, and its fire comes at its time;
///  - a run that somebody asked for waits no longer;
///  - one that has started and waits for its next attempt keeps that, due after its back-off from
///  now.
///
/// Changes nothing when the step was held up. True when there is more to do: call it again. Throws
/// Failure when the database is gone.
bool take_back_what_lies_ahead(db::Database& database, const Moment& moment);

}  // namespace cupola::scheduler
