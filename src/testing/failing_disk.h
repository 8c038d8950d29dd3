#pragma once

/// A disk under SQLite that refuses, writes short, or loses its power.
///
/// Stands between SQLite and the files of one folder, in this process (sqlite3_vfs). It keeps what
/// a real disk would hold: a write counts once a sync of its file succeeded; after a sync that
/// failed, what was to be synced is gone, and a later sync that succeeds does not bring it back (so
/// Linux does it). A power cut keeps some of the writes since, whole or torn at a sector.

#include <cstdint>
#include <filesystem>

namespace cupola::testing {

class FailingDisk {
 public:
  enum class Fault {
    power_cut,    ///< nothing works any more, until `restore_power`
    write_error,  ///< EIO, nothing written
    short_write,  ///< EIO, a part written
    full,         ///< ENOSPC, a part written
    sync_error    ///< EIO by the next sync
  };

  /// For all connections to files in `folder` that are opened while this exists; one at a time.
  explicit FailingDisk(const std::filesystem::path& folder);
  /// When no connection is open any more.
  ~FailingDisk();
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;

  /// From the `step`-th step (a write, sync, truncation) from now on, `times` of them fail.
  void fail_at(std::int64_t step, Fault fault, std::int64_t times = 1);
  /// Steps so far.
  std::int64_t steps() const;
  /// Whether a fault that was asked for came.
  bool has_failed() const;

  /// Power off now, if it is not already.
  void cut_power();
  /// Gives the files what the disk holds; `seed` chooses what came through of the unsynced. To be
  /// called when no connection is open.
  void restore_power(std::uint64_t seed);
};

}  // namespace cupola::testing
