#include "testing/failing_disk.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "base/check.h"

namespace cupola::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t sector = 512;

/// A write, or where `bytes` is empty a truncation to `offset`.
struct Change {
  std::size_t offset;
  std::string bytes;
};

struct Stored {
  std::string on_disk;
  bool exists = false;
  std::vector<Change> unsynced;
};

void apply(std::string& content, const Change& change) {
  if (change.bytes.empty()) {
    content.resize(change.offset);
    return;
  }
  content.resize(std::max(content.size(), change.offset + change.bytes.size()));
  content.replace(change.offset, change.bytes.size(), change.bytes);
}

struct Disk {
  std::mutex mutex;
  std::string folder;
  std::map<std::string, Stored> files;
  std::int64_t steps = 0;
  std::int64_t fails_from = -1;
  std::int64_t fails_for = 0;
  FailingDisk::Fault fault = FailingDisk::Fault::power_cut;
  bool has_failed = false;
  bool is_down = false;
  sqlite3_vfs* real = nullptr;
  sqlite3_vfs shim{};
};
Disk* disk = nullptr;

/// Whether the step that begins is to fail, for a fault of these kinds. Holds the mutex.
bool takes_fault(std::initializer_list<FailingDisk::Fault> kinds) {
  ++disk->steps;
  if (disk->is_down) return true;
  if (disk->fails_from < 0 || disk->steps < disk->fails_from || disk->fails_for == 0) return false;
  if (disk->fault != FailingDisk::Fault::power_cut &&
      std::find(kinds.begin(), kinds.end(), disk->fault) == kinds.end()) {
    return false;
  }
  --disk->fails_for;
  disk->has_failed = true;
  if (disk->fault == FailingDisk::Fault::power_cut) disk->is_down = true;
  return true;
}

struct File {
  sqlite3_file base;
  sqlite3_file* real;
  Stored* stored;
};

File& file_of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}
sqlite3_file* real_of(sqlite3_file* file) {
  return file_of(file).real;
}

int close_file(sqlite3_file* file) {
  return real_of(file)->pMethods->xClose(real_of(file));
}

int read_file(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
  {
    const std::scoped_lock lock(disk->mutex);
    if (disk->is_down) return SQLITE_IOERR_READ;
  }
  return real_of(file)->pMethods->xRead(real_of(file), to, size, offset);
}

int write_file(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const std::scoped_lock lock(disk->mutex);
  using Fault = FailingDisk::Fault;
  const bool fails = takes_fault({Fault::write_error, Fault::short_write, Fault::full});
  const std::string_view bytes(static_cast<const char*>(from), static_cast<std::size_t>(size));
  const auto at = static_cast<std::size_t>(offset);
  if (!fails) {
    file_of(file).stored->unsynced.push_back({at, std::string(bytes)});
    return real_of(file)->pMethods->xWrite(real_of(file), from, size, offset);
  }
  if (!disk->is_down && disk->fault != Fault::write_error) {
    file_of(file).stored->unsynced.push_back({at, std::string(bytes.substr(0, bytes.size() / 2))});
    real_of(file)->pMethods->xWrite(real_of(file), from, size / 2, offset);
  }
  return !disk->is_down && disk->fault == Fault::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  const std::scoped_lock lock(disk->mutex);
  if (takes_fault({FailingDisk::Fault::write_error})) return SQLITE_IOERR_TRUNCATE;
  file_of(file).stored->unsynced.push_back({static_cast<std::size_t>(size), ""});
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

int sync_file(sqlite3_file* file, int) {
  const std::scoped_lock lock(disk->mutex);
  Stored& stored = *file_of(file).stored;
  if (takes_fault({FailingDisk::Fault::sync_error})) {
    if (!disk->is_down) stored.unsynced.clear();
    return SQLITE_IOERR_FSYNC;
  }
  for (const Change& change : stored.unsynced) apply(stored.on_disk, change);
  stored.unsynced.clear();
  stored.exists = true;
  return SQLITE_OK;
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
int check_lock(sqlite3_file* file, int* reserved) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), reserved);
}
int control_file(sqlite3_file* file, int operation, void* argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}
int characteristics(sqlite3_file* file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, memory);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
void shared_barrier(sqlite3_file* file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}
int unmap_shared(sqlite3_file* file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

/// Version 2: without mapped reading, which would pass by `read_file`.
constexpr sqlite3_io_methods methods = {2,
                                        close_file,
                                        read_file,
                                        write_file,
                                        truncate_file,
                                        sync_file,
                                        size_of_file,
                                        lock_file,
                                        unlock_file,
                                        check_lock,
                                        control_file,
                                        sector_size,
                                        characteristics,
                                        map_shared,
                                        lock_shared,
                                        shared_barrier,
                                        unmap_shared,
                                        nullptr,
                                        nullptr};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  const bool watched = name != nullptr && std::string_view(name).starts_with(disk->folder);
  if (!watched) return disk->real->xOpen(disk->real, name, file, flags, out_flags);
  File& opened = file_of(file);
  opened.real = reinterpret_cast<sqlite3_file*>(&opened + 1);
  const int code = disk->real->xOpen(disk->real, name, opened.real, flags, out_flags);
  if (code != SQLITE_OK) return code;
  const std::scoped_lock lock(disk->mutex);
  opened.stored = &disk->files[name];
  opened.base.pMethods = &methods;
  return SQLITE_OK;
}

int remove_file(sqlite3_vfs*, const char* name, int sync_folder) {
  const std::scoped_lock lock(disk->mutex);
  if (disk->is_down) return SQLITE_IOERR_DELETE;
  disk->files.erase(name);
  return disk->real->xDelete(disk->real, name, sync_folder);
}

}  // namespace

FailingDisk::FailingDisk(const fs::path& folder) {
  CUPOLA_CHECK(disk == nullptr);
  disk = new Disk;
  disk->folder = folder.string() + "/";
  disk->real = ::sqlite3_vfs_find(nullptr);
  disk->shim = *disk->real;
  disk->shim.zName = "failing disk";
  disk->shim.szOsFile = static_cast<int>(sizeof(File)) + disk->real->szOsFile;
  disk->shim.xOpen = open_file;
  disk->shim.xDelete = remove_file;
  ::sqlite3_vfs_register(&disk->shim, 1);
}

FailingDisk::~FailingDisk() {
  ::sqlite3_vfs_register(disk->real, 1);
  ::sqlite3_vfs_unregister(&disk->shim);
  delete disk;
  disk = nullptr;
}

void FailingDisk::fail_at(std::int64_t step, Fault fault, std::int64_t times) {
  const std::scoped_lock lock(disk->mutex);
  disk->fails_from = disk->steps + step;
  disk->fails_for = times;
  disk->fault = fault;
  disk->has_failed = false;
}

std::int64_t FailingDisk::steps() const {
  const std::scoped_lock lock(disk->mutex);
  return disk->steps;
}

bool FailingDisk::has_failed() const {
  const std::scoped_lock lock(disk->mutex);
  return disk->has_failed;
}

void FailingDisk::cut_power() {
  const std::scoped_lock lock(disk->mutex);
  disk->is_down = true;
}

void FailingDisk::restore_power(std::uint64_t seed) {
  const std::scoped_lock lock(disk->mutex);
  std::mt19937_64 random(seed);
  for (auto& [name, stored] : disk->files) {
    for (const Change& change : stored.unsynced) {
      const auto luck = random() % 4;
      if (luck == 0) continue;
      stored.exists = true;
      const std::size_t sectors = change.bytes.size() / sector;
      const bool torn = luck == 1 && sectors > 1;
      if (torn) {
        apply(stored.on_disk, {change.offset, change.bytes.substr(0, random() % sectors * sector)});
      } else {
        apply(stored.on_disk, change);
      }
    }
    stored.unsynced.clear();
    if (stored.exists) {
      std::ofstream(name, std::ios::binary | std::ios::trunc) << stored.on_disk;
    } else {
      fs::remove(name);
    }
    fs::remove(name + "-shm");
  }
  disk->is_down = false;
  disk->fails_from = -1;
}

}  // namespace cupola::testing
