#pragma once

/// How messages lie in their table, for the files of this module.

#include "store/deliveries.h"

#define DELIVERY_COLUMNS                                                            \
  "m.id, m.notification_id, m.event_id, m.status, m.told, m.gathered_in, m.tries, " \
  "m.attempts, m.next_at, m.created_at, m.ended_at"

namespace cupola::store {

inline constexpr std::size_t delivery_column_count = 11;

Delivery to_delivery(const db::Row& row);

}  // namespace cupola::store
