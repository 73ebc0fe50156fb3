// Channels of the layout qds1 for C++17 on Linux: one writer, many readers, one file in shared memory.
//
//   qds::Writer writer("trades");                        // creates the channel, or takes it over
//   qds::Claim claim = writer.AwaitClaim(length);        // waits for room
//   std::memcpy(claim.data(), bytes, length);
//   claim.Commit(length);
//
//   qds::Reader reader("trades");
//   while (std::optional<qds::Loan> loan = reader.Read()) use(loan->data(), loan->length());
//
// A loan is a view of the shared memory, which stays as it is until the loan is destroyed. Errors are exceptions of
// the class qds::Error; what happens in normal flow (no message in time, no room in time, a clean end) is not.
//
// Threads: a writer and a reader belong to one thread at a time; loans may be destroyed by any thread, also after
// their reader. Fork: the child must not use what the parent opened; such calls throw, and its copies of the locks
// are given up at once. A file that somebody cuts short raises SIGBUS; this header installs no handler for it.
//
// Names (QDS1-...) are the rules of the wire specification.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if !defined(__linux__)
#error "qds.hpp needs Linux: open file description locks, futexes and /proc"
#endif
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "qds1 is little-endian (QDS1-FILE-04)");

namespace qds {

inline constexpr const char* kVersion = "0.1.0";

/// What an Error is about, for those who act on it.
enum class Reason {
  kInvalid,           // an argument
  kNoSuchChannel,
  kGeometryDiffers,   // the channel has another geometry or policy than was asked for
  kCodecDiffers,      // its messages are of another codec
  kUnsupported,       // a version, byte order, feature or mode that this implementation or channel does not know
  kSecondWriter,      // there is a writer
  kReaderTableFull,
  kInUse,             // a file that must be replaced has users
  kMessageTooLarge,
  kNoRoom,            // loans of observers leave no room
  kReaderHoldsLoans,  // a reader waits for what the writer has no room for
  kSequenceGone,      // the start asked for is gone, or not there yet
  kWriterDied,        // after the last message
  kReplaced,          // another writer took this one's place
  kEvicted,           // this reader was taken for dead
  kLockLost,          // a lock is free although its process runs
  kRemoved,           // the file lost its name
  kCorrupt,           // damaged bytes
  kDirectoryFull,
  kPermission,
  kClosed,            // used after close, or in a forked child
  kSystem             // the operating system refused for another reason
};

class Error : public std::runtime_error {
 public:
  Error(Reason reason, const std::string& message) : std::runtime_error(message), reason_(reason) {}
  Reason reason() const { return reason_; }

 private:
  Reason reason_;
};

using Duration = std::chrono::nanoseconds;
inline constexpr Duration kForever = Duration::max();

enum class Overflow : int32_t { kBlock = 0, kDropOldest = 1 };
enum class Mode : int32_t { kLossless = 0, kObserver = 1 };

namespace detail {

// ---- Constants of the layout (qds1-offsets.tsv) ------------------------------------------------------------------

inline constexpr uint64_t kMagic = 0x0A1A0A0D31534451;
inline constexpr uint32_t kByteOrder = 0x0A0B0C0D;
inline constexpr int64_t kHeaderLength = 4096;
inline constexpr int64_t kEntryLength = 256;
inline constexpr int64_t kDescriptorLength = 64;
inline constexpr int64_t kAlignment = 64;
inline constexpr int64_t kArenaAlignment = 65536;
inline constexpr int64_t kMaxArenaLength = 274877906880;
inline constexpr int32_t kMaxSlotCount = 16777216;
inline constexpr int32_t kMaxEntryCount = 65536;
inline constexpr int kPinCount = 12;
inline constexpr uint64_t kChecksumFeature = 1;
inline constexpr int64_t kMaxSequence = int64_t{1} << 62;
inline constexpr int64_t kWriterLock = int64_t{1} << 62;
inline constexpr int64_t kRangeLockLength = 65537;  // the writer's byte and one for each possible entry

/// Bytes 0 to 511 of the file. Naturally aligned throughout, so the compiler adds no padding.
struct StaticBlock {
  uint64_t magic;
  uint32_t byte_order;
  uint16_t version_major;
  uint16_t version_minor;
  uint64_t features_for_readers;
  uint64_t features_for_writers;
  uint64_t features_informative;
  int32_t header_length;
  int32_t entry_length;
  int32_t descriptor_length;
  int32_t entry_count;
  int64_t entries_offset;
  int64_t descriptors_offset;
  int64_t arena_offset;
  int64_t arena_length;
  int64_t segment_length;
  int32_t slot_count;
  int32_t overflow;
  int32_t retain_count;
  int32_t pin_count;
  int64_t max_message_length;
  int64_t creation_realtime_ns;
  int64_t creation_monotonic_ns;
  int64_t inode;
  uint8_t uuid[16];
  uint8_t boot_id[16];
  char codec_id[32];
  char creator_language[16];
  char creator_version[32];
  char creator_backend[16];
  uint8_t reserved[236];
  uint32_t crc;
};
static_assert(sizeof(StaticBlock) == 512 && offsetof(StaticBlock, crc) == 508);
static_assert(offsetof(StaticBlock, codec_id) == 176 && offsetof(StaticBlock, max_message_length) == 112);

/// Bytes 1024 to 4095: hot words, 128 bytes each, then the writer's record.
struct Control {
  int64_t floor;
  uint8_t pad0[120];
  int64_t published;
  int64_t published_bytes;
  uint8_t pad1[112];
  int32_t readers_waiting;
  uint8_t pad2[124];
  int32_t writer_waiting;
  uint8_t pad3[124];
  int32_t removed;
  uint8_t pad4[508];
  int32_t writer_state;
  int32_t writer_wakes;
  int64_t writer_epoch;
  int64_t writer_token;
  int64_t writer_pid;
  int64_t writer_start_time;
  int64_t writer_pid_namespace;
  int64_t writer_since_ns;
  char writer_label[48];
};
inline constexpr int64_t kControlOffset = 1024;
static_assert(offsetof(Control, published) == 1152 - kControlOffset);
static_assert(offsetof(Control, readers_waiting) == 1280 - kControlOffset);
static_assert(offsetof(Control, writer_waiting) == 1408 - kControlOffset);
static_assert(offsetof(Control, removed) == 1536 - kControlOffset);
static_assert(offsetof(Control, writer_state) == 2048 - kControlOffset);
static_assert(offsetof(Control, writer_label) == 2104 - kControlOffset);

enum WriterState : int32_t { kNever = 0, kWriterActive = 1, kWriterClosed = 2 };
enum EntryState : int32_t { kFree = 0, kJoining = 1, kActive = 2, kLingering = 3 };

struct Entry {
  int64_t cursor;
  int64_t waiting_for;
  uint64_t pins[kPinCount];
  int64_t left_cursor;
  uint8_t pad0[8];
  int32_t state;
  int32_t wakes;
  int64_t token;
  int64_t pid;
  int64_t start_time;
  int64_t pid_namespace;
  int64_t since_ns;
  int64_t read_count;
  int64_t read_bytes;
  int64_t lost_count;
  char label[48];
  uint8_t pad1[8];
};
static_assert(sizeof(Entry) == kEntryLength && offsetof(Entry, left_cursor) == 112 && offsetof(Entry, state) == 128 &&
              offsetof(Entry, label) == 200);

struct Descriptor {
  int64_t stamp;
  int64_t offset;
  int64_t length;
  int64_t time_ns;
  int64_t tag;
  int32_t flags;
  uint32_t checksum;
  uint8_t reserved[16];
};
static_assert(sizeof(Descriptor) == kDescriptorLength && offsetof(Descriptor, checksum) == 44);

// ---- Memory order (QDS1-MEM): words of the mapping are touched by these alone -------------------------------------

template <typename T>
T Load(const T& word) {
  return __atomic_load_n(&word, __ATOMIC_RELAXED);
}
template <typename T>
T LoadAcquire(const T& word) {
  return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
template <typename T, typename V>
void Store(T& word, V value) {
  __atomic_store_n(&word, static_cast<T>(value), __ATOMIC_RELAXED);
}
template <typename T, typename V>
void StoreRelease(T& word, V value) {
  __atomic_store_n(&word, static_cast<T>(value), __ATOMIC_RELEASE);
}
inline void FullFence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void AcquireFence() { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
inline void ReleaseFence() { __atomic_thread_fence(__ATOMIC_RELEASE); }

/// Sleeps until the word is woken or differs from what is expected, or the time is over; may return early.
inline void FutexWait(const int32_t* word, int32_t expected, Duration timeout) {
  timespec time{static_cast<time_t>(timeout.count() / 1000000000), static_cast<long>(timeout.count() % 1000000000)};
  syscall(SYS_futex, word, FUTEX_WAIT, expected, &time, nullptr, 0);
}
inline void FutexWakeAll(const int32_t* word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

// ---- Small helpers ------------------------------------------------------------------------------------------------

inline int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }
/// QDS1-DSC-02
inline int64_t RoomOf(int64_t length) { return std::max(kAlignment, RoundUp(length, kAlignment)); }

inline int64_t ClockNs(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}
inline int64_t NowNs() { return ClockNs(CLOCK_MONOTONIC); }

inline uint32_t Crc32c(const void* bytes, size_t length) {
  // Four bytes a step; table [k][b] is the remainder of byte b followed by k zero bytes.
  static const auto tables = [] {
    std::array<std::array<uint32_t, 256>, 4> t{};
    for (uint32_t b = 0; b < 256; ++b) {
      uint32_t r = b;
      for (int i = 0; i < 8; ++i) r = (r >> 1) ^ ((r & 1) != 0 ? 0x82F63B78u : 0u);
      t[0][b] = r;
    }
    for (size_t k = 1; k < 4; ++k) {
      for (size_t b = 0; b < 256; ++b) t[k][b] = (t[k - 1][b] >> 8) ^ t[0][t[k - 1][b] & 0xFF];
    }
    return t;
  }();
  const auto* p = static_cast<const uint8_t*>(bytes);
  uint32_t crc = 0xFFFFFFFFu;
  for (; length >= 4; p += 4, length -= 4) {
    uint32_t word;
    std::memcpy(&word, p, 4);
    crc ^= word;
    crc = tables[3][crc & 0xFF] ^ tables[2][(crc >> 8) & 0xFF] ^ tables[1][(crc >> 16) & 0xFF] ^ tables[0][crc >> 24];
  }
  for (; length > 0; ++p, --length) crc = (crc >> 8) ^ tables[0][(crc ^ *p) & 0xFF];
  return crc ^ 0xFFFFFFFFu;
}

/// A random number that is not 0.
inline int64_t RandomToken() {
  std::random_device random;
  for (;;) {
    uint64_t token = (uint64_t{random()} << 32) | random();
    if (token != 0) return static_cast<int64_t>(token);
  }
}

inline std::string Hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

/// A text of a peer: up to the first zero, without control characters (QDS1-TRUST-07).
inline std::string PeerText(const char* bytes, size_t capacity) {
  std::string text(bytes, strnlen(bytes, capacity));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
}

inline std::string Quoted(const std::string& text) { return "'" + text + "'"; }

[[noreturn]] inline void ThrowErrno(const std::string& what, const std::string& path) {
  const int error = errno;
  const Reason reason = error == ENOENT                                      ? Reason::kNoSuchChannel
                        : error == EACCES || error == EPERM || error == EROFS ? Reason::kPermission
                        : error == ENOSPC || error == EDQUOT                  ? Reason::kDirectoryFull
                                                                              : Reason::kSystem;
  throw Error(reason,
              what + " " + path + ": " + std::generic_category().message(error));
}

/// A point of the monotonic clock (QDS1-WAIT-06), or never.
class Deadline {
 public:
  explicit Deadline(Duration timeout) : start_(NowNs()), end_(INT64_MAX) {
    const int64_t ns = std::max<int64_t>(0, timeout.count());
    if (ns < INT64_MAX - start_) end_ = start_ + ns;
  }
  Duration Left() const { return Duration(end_ == INT64_MAX ? INT64_MAX : std::max<int64_t>(0, end_ - NowNs())); }
  bool Passed() const { return Left().count() == 0; }
  Duration Waited() const { return Duration(NowNs() - start_); }

 private:
  int64_t start_;
  int64_t end_;
};

// ---- Descriptors of files, fork --------------------------------------------------------------------------------

/// The descriptors of all open segments of this process. A forked child closes them at once: else it would keep its
/// parent's locks beyond the parent's death (QDS1-LOCK-03).
class OpenFiles {
 public:
  static OpenFiles& Get() {
    static OpenFiles* files = new OpenFiles();  // never destroyed: loans may end after main
    return *files;
  }
  void Add(int fd) {
    std::lock_guard<std::mutex> guard(mutex_);
    fds_.insert(fd);
  }
  void Close(int fd) {
    std::lock_guard<std::mutex> guard(mutex_);
    if (fds_.erase(fd) != 0) ::close(fd);  // in a forked child it is closed already
  }
  /// The number of forks between the first process and this one.
  unsigned Generation() const { return generation_.load(std::memory_order_relaxed); }

 private:
  OpenFiles() {
    pthread_atfork([] { Get().mutex_.lock(); }, [] { Get().mutex_.unlock(); },
                   [] {
                     OpenFiles& files = Get();
                     for (int fd : files.fds_) ::close(fd);
                     files.fds_.clear();
                     files.generation_.fetch_add(1, std::memory_order_relaxed);
                     files.mutex_.unlock();
                   });
  }
  std::mutex mutex_;
  std::set<int> fds_;
  std::atomic<unsigned> generation_{0};
};

class File {
 public:
  File() = default;
  enum Links { kNoFollow = O_NOFOLLOW, kFollow = 0 };
  File(const std::string& path, int flags, Links links = kNoFollow, mode_t mode = 0)
      : generation_(OpenFiles::Get().Generation()) {
    fd_ = ::open(path.c_str(), flags | links | O_CLOEXEC, mode);
    if (fd_ >= 0) OpenFiles::Get().Add(fd_);
  }
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), generation_(other.generation_) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(generation_, other.generation_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0 && IsOurs()) OpenFiles::Get().Close(fd_);
  }
  int fd() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  bool IsOurs() const { return generation_ == OpenFiles::Get().Generation(); }

  // Open file description locks, tried and never waited for in the kernel (QDS1-LOCK-02, -04).
  bool TryLock(int64_t position, int64_t length = 1) const {
    return Fcntl(F_OFD_SETLK, F_WRLCK, position, length, nullptr);
  }
  /// Tries again for a while: probes hold a byte for a moment.
  bool TryLockFor(int64_t position, Duration patience) const {
    for (const Deadline deadline(patience); !TryLock(position);) {
      if (deadline.Passed()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }
  void Unlock(int64_t position, int64_t length = 1) const { Fcntl(F_OFD_SETLK, F_UNLCK, position, length, nullptr); }
  /// Whether somebody else holds the byte; disturbs nobody (QDS1-LOCK-05).
  bool IsLockedByOther(int64_t position) const {
    struct flock found {};
    return Fcntl(F_OFD_GETLK, F_WRLCK, position, 1, &found) && found.l_type != F_UNLCK;
  }

 private:
  bool Fcntl(int command, short type, int64_t position, int64_t length, struct flock* result) const {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = position;
    lock.l_len = length;
    const int outcome = fcntl(fd_, command, &lock);
    if (outcome != 0 && errno != EAGAIN && errno != EACCES) {
      throw Error(Reason::kSystem, "cannot lock a channel's file: " + std::generic_category().message(errno));
    }
    if (result != nullptr) *result = lock;
    return outcome == 0;
  }
  int fd_ = -1;
  unsigned generation_ = 0;
};

// ---- Identity (QDS1-ID) -------------------------------------------------------------------------------------------

/// Field 22 of /proc/PID/stat, or 0 if there is no such process or it is a zombie.
inline int64_t StartTimeOf(int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return 0;
  const size_t end_of_name = line.rfind(')');
  if (end_of_name == std::string::npos || end_of_name + 2 >= line.size()) return 0;
  size_t at = end_of_name + 2;  // field 3, the state
  if (line[at] == 'Z' || line[at] == 'X') return 0;
  for (int field = 3; field < 22; ++field) {
    at = line.find(' ', at);
    if (at == std::string::npos) return 0;
    ++at;
  }
  return std::strtoll(line.c_str() + at, nullptr, 10);
}

inline int64_t PidNamespace() {
  struct stat info {};
  return ::stat("/proc/self/ns/pid", &info) == 0 ? static_cast<int64_t>(info.st_ino) : 0;
}

/// QDS1-ID-03
inline bool IsKnownToRun(int64_t pid, int64_t start_time, int64_t pid_namespace) {
  return pid > 0 && start_time != 0 && pid_namespace != 0 && pid_namespace == PidNamespace() &&
         StartTimeOf(pid) == start_time;
}

/// The machine's boot id in the order in which it is written; zeros if there is none.
inline std::array<uint8_t, 16> BootId() {
  std::array<uint8_t, 16> id{};
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  file >> text;
  text.erase(std::remove(text.begin(), text.end(), '-'), text.end());
  if (text.size() == 32) {
    for (size_t i = 0; i < 16; ++i) id[i] = static_cast<uint8_t>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  }
  return id;
}

// ---- Names (QDS1-FILE) --------------------------------------------------------------------------------------------

inline void CheckName(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  bool ok = !name.empty() && name.size() <= 100 && plain(name[0]);
  for (char c : name) ok = ok && (plain(c) || c == '.' || c == '_' || c == '-');
  if (!ok) {
    throw Error(Reason::kInvalid, "channel name " + Quoted(PeerText(name.data(), name.size())) +
                                      " is not allowed; use 1 to 100 of A-Z a-z 0-9 . _ -, a letter or digit first");
  }
}

inline std::string DefaultDirectory() {
  const char* named = std::getenv("QDS_DIR");
  if (named != nullptr && *named != 0) return named;
  struct stat info {};
  if (::stat("/dev/shm", &info) == 0 && S_ISDIR(info.st_mode)) return "/dev/shm";
  const char* temporary = std::getenv("TMPDIR");
  return std::string(temporary != nullptr && *temporary != 0 ? temporary : "/tmp") + "/qds";
}

// ---- Memory limits (QDS1-NEW-01) -----------------------------------------------------------------------------------

struct MemoryLimit {
  std::string group;
  int64_t left = INT64_MAX;
};

/// What the process's control groups, of version 1 or 2, and those above them leave. A container sees its own as the
/// root.
inline MemoryLimit TightestMemoryLimit(const std::string& groups = "/proc/self/cgroup",
                                       const std::string& root = "/sys/fs/cgroup") {
  const auto number = [](const std::string& path) {
    std::ifstream file(path);
    int64_t value = -1;
    return file >> value ? value : int64_t{-1};  // no file, or "max"
  };
  MemoryLimit tightest;
  std::ifstream list(groups);
  for (std::string line; std::getline(list, line);) {  // number:controllers:path
    const size_t controllers = line.find(':') + 1;
    const size_t path = line.find(':', controllers) + 1;
    if (controllers == 0 || path == 0) continue;
    const std::string controller = line.substr(controllers, path - 1 - controllers);
    if (!controller.empty() && controller != "memory") continue;
    const bool v2 = controller.empty();
    const std::string top = v2 ? root : root + "/memory";
    std::string group = line.substr(path);
    struct stat info {};
    if (::stat((top + group).c_str(), &info) != 0) group.clear();
    for (;;) {
      while (!group.empty() && group.back() == '/') group.pop_back();
      const std::string directory = top + group;
      const int64_t limit = number(directory + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
      int64_t used = number(directory + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
      if (limit >= 0 && used >= 0) {
        // The kernel drops pages of files that it can read again.
        std::ifstream statistics(directory + "/memory.stat");
        int64_t value = 0;
        for (std::string key; statistics >> key >> value;) {
          if (key == (v2 ? "active_file" : "total_active_file") || key == (v2 ? "inactive_file" : "total_inactive_file")) {
            used = std::max<int64_t>(0, used - value);
          }
        }
        if (limit - used < tightest.left) tightest = {directory, std::max<int64_t>(0, limit - used)};
      }
      if (group.empty()) break;
      group.erase(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
    }
  }
  return tightest;
}

// ---- Segment: one opened, checked and mapped file -----------------------------------------------------------------

struct Located {
  std::string name;
  std::string directory;
  std::string path;
  Located(const std::string& channel, const std::string& wanted_directory) : name(channel) {
    CheckName(name);
    directory = wanted_directory.empty() ? DefaultDirectory() : wanted_directory;
    path = directory + "/" + name + ".qds";
  }
};

class Segment {
 public:
  /// Opens and checks a channel's file, and maps nothing yet. Without a file: nullptr.
  static std::shared_ptr<Segment> Open(const Located& where, bool for_writing) {
    struct stat seen {};
    if (::lstat(where.path.c_str(), &seen) != 0) {
      if (errno == ENOENT) return nullptr;
      ThrowErrno("cannot look at", where.path);
    }
    if (!S_ISREG(seen.st_mode)) {  // opening a FIFO would hang (QDS1-OPEN-01)
      throw Error(Reason::kInvalid, where.path + " is no regular file; remove it or take another directory");
    }
    std::shared_ptr<Segment> segment(new Segment(where, File(where.path, O_RDWR)));
    if (!segment->file_.ok()) {
      if (errno == ENOENT) return nullptr;
      ThrowErrno("cannot open", where.path);
    }
    struct stat opened {};
    if (fstat(segment->file_.fd(), &opened) != 0) ThrowErrno("cannot look at", where.path);
    if (opened.st_ino != seen.st_ino || opened.st_dev != seen.st_dev) return Open(where, for_writing);
    segment->Identify(opened);
    segment->CheckHeader(opened.st_size, for_writing);
    return segment;
  }

  /// Wraps a file that is being created.
  static std::shared_ptr<Segment> Wrap(const Located& where, File file, const StaticBlock& header) {
    std::shared_ptr<Segment> segment(new Segment(where, std::move(file)));
    struct stat info {};
    if (fstat(segment->file_.fd(), &info) != 0) ThrowErrno("cannot look at", where.path);
    segment->Identify(info);
    segment->header_ = header;
    return segment;
  }

  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment() {
    if (base_ != nullptr) munmap(base_, MapLength());
  }

  void Map() {
    // By an open file description of its own: a mapping keeps the one it was made by, and with it the locks, also in a
    // forked child (QDS1-LOCK-03).
    const File file("/proc/self/fd/" + std::to_string(file_.fd()), O_RDWR, File::kFollow);
    if (!file.ok()) ThrowErrno("cannot open once more", where_.path);
    void* address = mmap(nullptr, MapLength(), PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
    if (address == MAP_FAILED) ThrowErrno("cannot map", where_.path);
    base_ = static_cast<uint8_t*>(address);
  }

  const std::string& name() const { return where_.name; }
  const Located& where() const { return where_; }
  const File& file() const { return file_; }
  const StaticBlock& header() const { return header_; }
  bool IsForeign() const { return owner_ != geteuid(); }
  bool blocks() const { return header_.overflow == static_cast<int32_t>(Overflow::kBlock); }
  bool checksums() const { return (header_.features_for_writers & kChecksumFeature) != 0; }
  std::string codec() const { return PeerText(header_.codec_id, sizeof header_.codec_id); }

  Control& control() const { return *reinterpret_cast<Control*>(base_ + kControlOffset); }
  Entry& entry(int32_t i) const {
    return *reinterpret_cast<Entry*>(base_ + header_.entries_offset + i * kEntryLength);
  }
  int32_t entry_count() const { return header_.entry_count; }
  Descriptor& descriptor(int64_t sequence) const {
    return *reinterpret_cast<Descriptor*>(base_ + header_.descriptors_offset +
                                          (sequence & (header_.slot_count - 1)) * kDescriptorLength);
  }
  uint8_t* arena() const { return base_ + header_.arena_offset; }

  /// QDS1-OPEN-03, -07: whether the file was made by this boot and is no copy.
  bool IsOfThisBoot() const {
    return header_.inode == static_cast<int64_t>(inode_) && std::memcmp(header_.boot_id, BootId().data(), 16) == 0;
  }
  bool IsAtItsPath() const {
    struct stat found {};
    return ::lstat(where_.path.c_str(), &found) == 0 && found.st_ino == inode_ && found.st_dev == device_;
  }
  bool IsRemoved() const { return LoadAcquire(control().removed) != 0; }

  bool HoldsBack(int32_t word) const {  // QDS1-ENT-01
    const int32_t state = word & 0xFF;
    return (state == kJoining || state == kActive) && (word >> 8 & 0xFF) == static_cast<int32_t>(Mode::kLossless);
  }

  /// QDS1-ENT-05
  int64_t Kept() const {
    int64_t kept = 0;
    for (int32_t i = 0; i < entry_count(); ++i) kept = std::max(kept, LoadAcquire(entry(i).left_cursor));
    return kept;
  }

  std::string DescribeReader(int32_t i) const {
    const Entry& e = entry(i);
    char label[sizeof e.label];
    std::memcpy(label, e.label, sizeof label);
    return "reader " + Quoted(PeerText(label, sizeof label)) + " (entry " + std::to_string(i) + ", pid " +
           std::to_string(Load(e.pid)) + ")";
  }
  std::string DescribeWriter() const {
    return "pid " + std::to_string(Load(control().writer_pid)) + " since " +
           std::to_string(Load(control().writer_since_ns) / 1000000000) + " s after 1970";
  }

  void CheckCounters(int64_t floor, int64_t published) const {  // QDS1-TAKE-03, QDS1-TRUST-03
    if (floor < 0 || floor > published || published > kMaxSequence) {
      Fail(Reason::kCorrupt, "floor is " + std::to_string(floor) + " and published is " + std::to_string(published) +
                                 ", allowed is 0 <= floor <= published <= 2^62; remove the file");
    }
  }

  // ---- Waking (chapter 13)

  void WakeReaders() const {
    FullFence();  // pair "message"
    if (Load(control().readers_waiting) == 0) return;
    Store(control().readers_waiting, 0);
    FullFence();
    for (int32_t i = 0; i < entry_count(); ++i) {
      if (Load(entry(i).waiting_for) != 0) {
        Store(control().readers_waiting, 1);
        FutexWakeAll(published_word());
        return;
      }
    }
  }
  void WakeWriter() const {
    FullFence();  // pair "room"
    if (Load(control().writer_waiting) == 0) return;
    Store(control().writer_waiting, 0);
    FutexWakeAll(&control().writer_waiting);
  }
  const int32_t* published_word() const { return reinterpret_cast<const int32_t*>(&control().published); }

  /// QDS1-WAIT-03: how long one sleep may last.
  static Duration NapLength(bool peers_wake, const Deadline& deadline) {
    const Duration bound = peers_wake                                           ? std::chrono::milliseconds(100)
                           : deadline.Waited() > std::chrono::seconds(1) ? std::chrono::milliseconds(10)
                                                                                : std::chrono::milliseconds(1);
    return std::min(bound, deadline.Left());
  }

  // ---- Death, eviction, removal (chapters 14 and 16)

  /// The highest cursor that may count as read (QDS1-LEAVE-02).
  int64_t MostThatCanBeRead() const {
    const int64_t published = LoadAcquire(control().published);
    if (published < 0 || published > kMaxSequence) return 0;  // damaged: nobody has read
    return LoadAcquire(descriptor(published).stamp) == published + 1 ? published + 1 : published;
  }

  /// Frees an entry whose lock is held.
  void FreeEntry(Entry& e) const {
    const int32_t word = LoadAcquire(e.state);
    const int32_t state = word & 0xFF;
    const bool counts = blocks() ? HoldsBack(word) : state != kFree;
    if (counts && state != kJoining) RaiseLeftCursor(e, LoadAcquire(e.cursor));
    Store(e.token, 0);
    StoreRelease(e.state, kFree);
    Store(e.waiting_for, 0);
    for (uint64_t& pin : e.pins) StoreRelease(pin, 0);
    WakeWriter();
  }
  void RaiseLeftCursor(Entry& e, int64_t cursor) const {
    const int64_t left = std::min(cursor, MostThatCanBeRead());
    if (left > Load(e.left_cursor)) StoreRelease(e.left_cursor, left);
  }

  /// Evicts entries of dead readers. All: also those that the caller's own range lock covers.
  void EvictTheDead(int32_t own_entry = -1) const {
    for (int32_t i = 0; i < entry_count(); ++i) {
      Entry& e = entry(i);
      if (i == own_entry || LoadAcquire(e.state) == kFree || !file_.TryLock(kWriterLock + 1 + i)) continue;
      EvictLocked(i);
      file_.Unlock(kWriterLock + 1 + i);
    }
  }

  bool IsWriterKnownToRun() const {
    return IsKnownToRun(Load(control().writer_pid), Load(control().writer_start_time),
                        Load(control().writer_pid_namespace));
  }

  /// Whether the writer is dead (QDS1-ID-03, QDS1-END-04). Not to be asked by who holds the writer's lock.
  bool IsWriterDead() const {
    const int64_t token = LoadAcquire(control().writer_token);
    if (LoadAcquire(control().writer_state) != kWriterActive || file_.IsLockedByOther(kWriterLock) ||
        IsWriterKnownToRun()) {
      return false;
    }
    FullFence();
    return LoadAcquire(control().writer_state) == kWriterActive && LoadAcquire(control().writer_token) == token;
  }

  /// The last to leave removes the file (QDS1-REM-01). All own locks were given up before.
  void TryRemoveDrained() const {
    if (!file_.TryLock(kWriterLock, kRangeLockLength)) return;
    for (int32_t i = 0; i < entry_count(); ++i) EvictLocked(i);
    bool attached = LoadAcquire(control().writer_state) == kWriterActive && IsWriterKnownToRun();
    for (int32_t i = 0; i < entry_count(); ++i) attached = attached || LoadAcquire(entry(i).state) != kFree;
    if (!attached && Kept() >= LoadAcquire(control().published)) UnlinkLocked();
    file_.Unlock(kWriterLock, kRangeLockLength);
  }

  /// Removes what must not be joined: a segment of another boot, a copy, what a remover left (chapter 16). The range
  /// lock is busy while somebody is in or probes, hence the patience.
  void Discard() {
    if (base_ == nullptr) Map();
    for (const Deadline deadline(std::chrono::seconds(2)); !file_.TryLock(kWriterLock, kRangeLockLength);) {
      if (!IsAtItsPath()) return;
      if (deadline.Passed()) {
        throw Error(Reason::kInUse, "channel " + Quoted(name()) + " must be replaced (" + where_.path +
                                       " is a copy, of an earlier boot, or removed) but is in use; stop its users");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    UnlinkLocked();
    file_.Unlock(kWriterLock, kRangeLockLength);
  }

  [[noreturn]] void Fail(Reason reason, const std::string& message) const {
    throw Error(reason, "channel " + Quoted(name()) + ": " + message);
  }

 private:
  Segment(const Located& where, File file) : where_(where), file_(std::move(file)) {}

  void Identify(const struct stat& info) {
    owner_ = info.st_uid;
    inode_ = info.st_ino;
    device_ = info.st_dev;
  }

  size_t MapLength() const { return static_cast<size_t>(header_.segment_length); }

  void EvictLocked(int32_t i) const {
    Entry& e = entry(i);
    if (LoadAcquire(e.state) == kFree) return;
    if (!IsKnownToRun(Load(e.pid), Load(e.start_time), Load(e.pid_namespace))) FreeEntry(e);  // else QDS1-ID-04
  }

  void UnlinkLocked() const {
    if (!IsAtItsPath()) return;
    StoreRelease(control().removed, 1);
    ::unlink(where_.path.c_str());  // who may not leaves the mark behind (QDS1-REM-05)
  }

  template <typename T>
  void CheckRange(const char* field, T found, int64_t least, int64_t most) const {
    if (int64_t{found} < least || int64_t{found} > most) {
      Fail(Reason::kCorrupt, std::string("header field ") + field + " is " + std::to_string(found) + ", allowed is " +
                                 std::to_string(least) +
                                 (least == most ? std::string() : " to " + std::to_string(most)) +
                                 "; the file is damaged, remove it");
    }
  }
  void CheckMultiple(const char* field, int64_t found, int64_t divisor) const {
    if (found % divisor != 0) {
      Fail(Reason::kCorrupt, std::string("header field ") + field + " is " + std::to_string(found) +
                                 ", allowed are multiples of " + std::to_string(divisor) +
                                 "; the file is damaged, remove it");
    }
  }

  /// QDS1-HDR-02, -03, -04, on a private copy.
  void CheckHeader(int64_t file_length, bool for_writing) {
    StaticBlock& h = header_;
    if (file_length < kHeaderLength || pread(file_.fd(), &h, sizeof h, 0) != ssize_t{sizeof h}) {
      Fail(Reason::kCorrupt, "the file has " + std::to_string(file_length) + " bytes, allowed are at least 4096; " +
                                 "remove " + where_.path);
    }
    if (h.magic != kMagic) {
      Fail(Reason::kCorrupt, "header field magic is 0x" + Hex(h.magic) + ", allowed is 0x" + Hex(kMagic) + "; " +
                                 where_.path + " is no QDS segment");
    }
    if (h.byte_order != kByteOrder) {
      const bool swapped = h.byte_order == __builtin_bswap32(kByteOrder);
      Fail(swapped ? Reason::kUnsupported : Reason::kCorrupt,
           "header field byteOrder is 0x" + Hex(h.byte_order) + ", allowed is 0x" + Hex(kByteOrder) +
               (swapped ? "; the segment was made by a big-endian machine" : ""));
    }
    if (h.version_major != 1) {
      Fail(Reason::kUnsupported, "header field versionMajor is " + std::to_string(h.version_major) +
                                     ", allowed is 1; use an implementation of that version");
    }
    const uint32_t crc = Crc32c(&h, offsetof(StaticBlock, crc));
    if (h.crc != crc) {
      Fail(Reason::kCorrupt, "header field headerCrc is 0x" + Hex(h.crc) + ", allowed is 0x" + Hex(crc) +
                                 "; the file is damaged, remove it");
    }
    if (h.features_for_readers != 0) {
      Fail(Reason::kUnsupported, "header field featuresForReaders is 0x" + Hex(h.features_for_readers) +
                                     ", allowed is 0; use a newer implementation");
    }
    if (for_writing && (h.features_for_writers & ~kChecksumFeature) != 0) {
      Fail(Reason::kUnsupported, "header field featuresForWriters is 0x" + Hex(h.features_for_writers) +
                                     ", allowed are 0 and 1; use a newer implementation");
    }
    if (((h.features_informative ^ h.features_for_writers) & kChecksumFeature) != 0) {  // QDS1-VER-03
      Fail(Reason::kCorrupt, "header field featuresInformative is 0x" + Hex(h.features_informative) +
                                 ", allowed is bit 0 as in featuresForWriters=0x" + Hex(h.features_for_writers) +
                                 "; the file is damaged, remove it");
    }
    CheckRange("headerLength", h.header_length, kHeaderLength, kHeaderLength);
    CheckRange("readerEntryLength", h.entry_length, kEntryLength, kEntryLength);
    CheckRange("messageDescriptorLength", h.descriptor_length, kDescriptorLength, kDescriptorLength);
    CheckRange("readerEntryCount", h.entry_count, 1, kMaxEntryCount);
    CheckRange("readerTableOffset", h.entries_offset, kHeaderLength, 1048576);
    CheckMultiple("readerTableOffset", h.entries_offset, 128);
    CheckRange("slotCount", h.slot_count, 2, kMaxSlotCount);
    if ((h.slot_count & (h.slot_count - 1)) != 0) {
      Fail(Reason::kCorrupt, "header field slotCount is " + std::to_string(h.slot_count) +
                                 ", allowed are powers of two; the file is damaged, remove it");
    }
    // The bounds above keep these sums far from overflow.
    CheckRange("segmentLength", h.segment_length, file_length, file_length);
    CheckRange("arenaLength", h.arena_length, 128, kMaxArenaLength);
    CheckMultiple("arenaLength", h.arena_length, kAlignment);
    CheckRange("descriptorRingOffset", h.descriptors_offset, h.entries_offset + h.entry_count * kEntryLength,
               h.segment_length);
    CheckMultiple("descriptorRingOffset", h.descriptors_offset, kAlignment);
    CheckRange("arenaOffset", h.arena_offset, h.descriptors_offset + h.slot_count * kDescriptorLength,
               h.segment_length - h.arena_length);
    CheckMultiple("arenaOffset", h.arena_offset, kArenaAlignment);
    CheckRange("overflowPolicy", h.overflow, 0, 1);
    CheckRange("retainCount", h.retain_count, 0, INT32_MAX);
    CheckRange("pinCount", h.pin_count, kPinCount, kPinCount);
    CheckRange("maxMessageLength", h.max_message_length, 1, h.arena_length);
    const std::string codec(h.codec_id, strnlen(h.codec_id, sizeof h.codec_id));
    bool codec_ok = !codec.empty();
    for (size_t i = 0; i < sizeof h.codec_id; ++i) {
      const char c = h.codec_id[i];
      codec_ok = codec_ok && (i < codec.size() ? c >= 0x21 && c <= 0x7E : c == 0);
    }
    if (!codec_ok) {
      Fail(Reason::kCorrupt, "header field codecId is " + Quoted(PeerText(codec.data(), codec.size())) +
                                 ", allowed are 1 to 32 printable ASCII characters; the file is damaged, remove it");
    }
  }

  Located where_;
  File file_;
  StaticBlock header_{};
  uint8_t* base_ = nullptr;
  uid_t owner_ = 0;
  ino_t inode_ = 0;
  dev_t device_ = 0;
};

inline void CopyLabel(char (&field)[48], const std::string& label) {
  size_t length = std::min(label.size(), sizeof field);
  // Not in the middle of a character of UTF-8.
  while (length > 0 && length < label.size() && (static_cast<uint8_t>(label[length]) & 0xC0) == 0x80) --length;
  std::memset(field, 0, sizeof field);
  std::memcpy(field, label.data(), length);
}

inline std::string DefaultLabel() { return "C++, pid " + std::to_string(getpid()); }

}  // namespace detail

// ---- Writer ---------------------------------------------------------------------------------------------------------

struct WriterOptions {
  std::string directory;        // empty: QDS_DIR, else /dev/shm
  std::string codec = "bytes";  // what the payloads are
  std::string label;            // shown by tools; empty: the language and the process id
  mode_t file_mode = 0600;
  /// The most unread messages, beyond which this writer waits (BLOCK); 0: as many as there are slots.
  int64_t max_unread_count = 0;

  // What a channel is created with. An existing channel must have what is set here (QDS1-OPEN-04).
  std::optional<int64_t> segment_length;       // bytes of the whole file; 100 MiB
  std::optional<int64_t> arena_length;         // instead: bytes for messages, a multiple of 64
  std::optional<int32_t> slot_count;           // a power of two; 512, or more if max_unread_count is higher
  std::optional<int32_t> reader_entry_count;   // 64
  std::optional<int64_t> max_message_length;   // bytes; half the arena less 64
  std::optional<int32_t> retain_count;         // 0
  std::optional<Overflow> overflow;            // kBlock
  std::optional<bool> checksums;               // false
};

class Writer;

/// Memory of the channel to be filled in place. Without a commit nothing is published. Must not outlive its writer.
class Claim {
 public:
  Claim(Claim&& other) noexcept
      : writer_(std::exchange(other.writer_, nullptr)), data_(other.data_), length_(other.length_) {}
  Claim& operator=(Claim&&) = delete;
  inline ~Claim();
  uint8_t* data() const { return data_; }
  int64_t length() const { return length_; }
  /// Publishes the first `length` bytes, at most those claimed.
  inline void Commit(int64_t length, int64_t tag = 0);

 private:
  friend class Writer;
  Claim(Writer* writer, uint8_t* data, int64_t length) : writer_(writer), data_(data), length_(length) {}
  Writer* writer_;
  uint8_t* data_;
  int64_t length_;
};

/// The writing end. One thread at a time.
class Writer {
 public:
  /// Creates the channel, or takes over one that has no writer. Throws kBusy if it has one.
  explicit Writer(const std::string& name, WriterOptions options = {})
      : options_(std::move(options)), where_(name, options_.directory) {
    for (const detail::Deadline deadline(std::chrono::seconds(5));;) {
      if (Attach()) break;
      if (deadline.Passed()) {
        throw Error(Reason::kSystem, "channel " + detail::Quoted(name) + " is created and removed again and again");
      }
    }
    const auto& header = segment_->header();
    limit_ = options_.max_unread_count > 0 ? options_.max_unread_count : header.slot_count;
    middle_ = header.arena_length / 2 / detail::kAlignment * detail::kAlignment;
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    try {
      Close();
    } catch (const Error&) {  // the next writer finds what is left
    }
  }

  /// Claims room, waiting as long as it takes (BLOCK).
  Claim AwaitClaim(int64_t length) {
    return std::move(*TryClaim(length, kForever));
  }

  /// Claims room, or returns nothing if there is none in time. With DROP_OLDEST this never waits: the oldest messages
  /// go. Throws kStalled if a reader holds the room and waits itself, kNoRoom if only loans of observers are in the
  /// way (DROP_OLDEST), kReplaced, kRemoved.
  std::optional<Claim> TryClaim(int64_t length, Duration timeout = Duration::zero()) {
    CheckOpen();
    if (claimed_) throw Error(Reason::kInvalid, "the last claim is still open; commit or destroy it first");
    const auto& header = segment_->header();
    if (length < 0 || length > header.max_message_length) {
      segment_->Fail(Reason::kMessageTooLarge, "length=" + std::to_string(length) + ", allowed is 0 to maxMessageLength=" +
                                           std::to_string(header.max_message_length) +
                                           "; split the message or create a larger channel");
    }
    const std::optional<int64_t> offset = AwaitPlace(detail::RoomOf(length), detail::Deadline(timeout));
    if (!offset) return std::nullopt;
    claimed_ = true;
    claim_offset_ = *offset;
    return Claim(this, segment_->arena() + *offset, length);
  }

  /// Publishes a copy of the bytes, or returns false if there is no room in time.
  bool Write(const void* bytes, int64_t length, Duration timeout = kForever, int64_t tag = 0) {
    std::optional<Claim> claim = TryClaim(length, timeout);
    if (!claim) return false;
    if (length > 0) std::memcpy(claim->data(), bytes, static_cast<size_t>(length));
    claim->Commit(length, tag);
    return true;
  }

  /// The sequence of the next message.
  int64_t next() const { return next_; }
  int64_t bytes_written() const { return published_bytes_; }
  const std::string& name() const { return where_.name; }
  int64_t max_message_length() const { return segment_->header().max_message_length; }

  /// Ends the stream for the readers. Called by the destructor, too.
  void Close() {
    if (!segment_) return;
    const std::shared_ptr<detail::Segment> segment = std::move(segment_);
    if (!segment->file().IsOurs()) return;
    auto& control = segment->control();
    if (detail::LoadAcquire(control.writer_token) == token_) {
      detail::StoreRelease(control.writer_state, detail::kWriterClosed);  // pair "end"
      segment->WakeReaders();
      // A reader that is just falling asleep missed that (QDS1-WAIT-04).
      for (int i = 0; i < 3; ++i) {
        std::this_thread::yield();
        segment->WakeReaders();
      }
    }
    segment->file().Unlock(detail::kWriterLock);
    segment->TryRemoveDrained();
  }

 private:
  friend class Claim;

  // ---- Creating and taking over (chapters 8, 9, 15)

  /// False: somebody else was quicker, look again.
  bool Attach() {
    SweepTemporaries();
    std::shared_ptr<detail::Segment> segment = detail::Segment::Open(where_, true);
    if (!segment) return Create();
    if (!segment->IsOfThisBoot()) {
      segment->Discard();
      return false;
    }
    const bool locked = segment->file().TryLockFor(detail::kWriterLock, std::chrono::milliseconds(100));
    segment->Map();
    if (!locked) {
      if (!segment->IsAtItsPath() || segment->IsRemoved()) return false;
      segment->Fail(Reason::kSecondWriter, "has a writer, " + segment->DescribeWriter() + "; end it first");
    }
    if (!segment->IsAtItsPath()) return false;
    if (segment->IsRemoved()) {
      segment->Discard();
      return false;
    }
    CheckWhatWasAskedFor(*segment);
    auto& control = segment->control();
    if (detail::LoadAcquire(control.writer_state) == detail::kWriterActive && segment->IsWriterKnownToRun()) {
      segment->Fail(Reason::kLockLost, "its writer, " + segment->DescribeWriter() +
                                           ", runs but has lost its lock; end that process first");
    }
    CheckInheritance(*segment);
    segment_ = std::move(segment);
    TakeOver();
    return true;
  }

  /// QDS1-TAKE-03, before anything is changed.
  static void CheckInheritance(const detail::Segment& segment) {
    const int64_t floor = detail::LoadAcquire(segment.control().floor);
    const int64_t published = detail::LoadAcquire(segment.control().published);
    const auto& header = segment.header();
    segment.CheckCounters(floor, published);
    if (floor < published - header.slot_count) {
      segment.Fail(Reason::kCorrupt, "floor is " + std::to_string(floor) + " and published is " +
                                         std::to_string(published) + ", more than slotCount=" +
                                         std::to_string(header.slot_count) + " apart; remove the file");
    }
    for (int64_t s = floor; s < published; ++s) {
      const detail::Descriptor& d = segment.descriptor(s);
      const int64_t stamp = detail::LoadAcquire(d.stamp);
      const int64_t offset = detail::Load(d.offset);
      const int64_t length = detail::Load(d.length);
      if (stamp != s + 1 || !IsSound(header, offset, length)) {
        segment.Fail(Reason::kCorrupt, "descriptor of message " + std::to_string(s) + " has stamp " +
                                           std::to_string(stamp) + ", offset " + std::to_string(offset) +
                                           ", length " + std::to_string(length) + ", allowed are stamp " +
                                           std::to_string(s + 1) + " and a multiple of 64 inside " +
                                           std::to_string(header.arena_length) +
                                           " bytes; read what can be read, then remove the file");
      }
    }
  }

  void TakeOver() {
    auto& control = segment_->control();
    const auto& header = segment_->header();
    StoreRecord(*segment_);
    next_ = detail::LoadAcquire(control.published);
    // The commit of a predecessor that died between stamp and published; more than one is none of ours.
    while (next_ < detail::kMaxSequence && detail::LoadAcquire(segment_->descriptor(next_).stamp) == next_ + 1) {
      detail::StoreRelease(control.published, ++next_);
    }
    published_bytes_ = detail::Load(control.published_bytes);
    floor_ = std::clamp<int64_t>(detail::LoadAcquire(control.floor), 0, next_);
    detail::FullFence();  // pair "floor", for the store of the predecessor
    live_ = std::max(SecondScan(), next_ - header.slot_count);
    for (int64_t s = live_; s < next_; ++s) {
      const detail::Descriptor& d = segment_->descriptor(s);
      const int64_t stamp = detail::LoadAcquire(d.stamp);
      const int64_t offset = detail::Load(d.offset);
      const int64_t length = detail::Load(d.length);
      // Below the floor only who holds it back can want it. A cursor of a reader that is still joining may lie lower
      // than anything that is there; it moves up by itself.
      const bool sound =
          stamp == s + 1 && IsSound(header, offset, length) && !FirstUsedEnd(offset, detail::RoomOf(length));
      messages_.push_back(sound ? offset : -1);
      if (sound) {
        used_[offset] = offset + detail::RoomOf(length);
        position_ = offset + detail::RoomOf(length);
      }
    }
    region_end_ = position_;  // nothing is known to be free yet
  }

  static bool IsSound(const detail::StaticBlock& header, int64_t offset, int64_t length) {
    const int64_t arena = header.arena_length;
    return offset >= 0 && offset % detail::kAlignment == 0 && length >= 0 && length <= arena &&
           offset <= arena - length;
  }

  /// Chapter 15, step 2; state last.
  void StoreRecord(const detail::Segment& segment) {
    auto& control = segment.control();
    token_ = detail::RandomToken();
    detail::Store(control.writer_pid, getpid());
    detail::Store(control.writer_start_time, detail::StartTimeOf(getpid()));
    detail::Store(control.writer_pid_namespace, detail::PidNamespace());
    detail::Store(control.writer_since_ns, detail::ClockNs(CLOCK_REALTIME));
    detail::Store(control.writer_wakes, 1);
    detail::CopyLabel(control.writer_label, options_.label.empty() ? detail::DefaultLabel() : options_.label);
    detail::StoreRelease(control.writer_epoch, detail::Load(control.writer_epoch) + 1);
    detail::StoreRelease(control.writer_token, token_);
    detail::StoreRelease(control.writer_state, detail::kWriterActive);
    detail::FullFence();
  }

  template <typename T>
  void CheckAsked(const detail::Segment& segment, const char* field, const std::optional<T>& asked, T found) const {
    if (asked && *asked != found) {
      segment.Fail(Reason::kGeometryDiffers, std::string("exists with ") + field + "=" +
                                          std::to_string(static_cast<int64_t>(found)) + ", asked for was " +
                                          std::to_string(static_cast<int64_t>(*asked)) +
                                          "; ask for what it has, or remove it");
    }
  }
  void CheckWhatWasAskedFor(const detail::Segment& segment) const {  // QDS1-OPEN-04
    const auto& header = segment.header();
    if (segment.codec() != options_.codec) {
      segment.Fail(Reason::kCodecDiffers, "carries codec " + detail::Quoted(segment.codec()) + ", asked for was " +
                                          detail::Quoted(options_.codec));
    }
    CheckAsked(segment, "segmentLength", options_.segment_length, header.segment_length);
    CheckAsked(segment, "arenaLength", options_.arena_length, header.arena_length);
    CheckAsked(segment, "slotCount", options_.slot_count, header.slot_count);
    CheckAsked(segment, "readerEntryCount", options_.reader_entry_count, header.entry_count);
    CheckAsked(segment, "maxMessageLength", options_.max_message_length, header.max_message_length);
    CheckAsked(segment, "retainCount", options_.retain_count, header.retain_count);
    CheckAsked(segment, "overflowPolicy", options_.overflow, static_cast<Overflow>(header.overflow));
    CheckAsked(segment, "payload checksums", options_.checksums, segment.checksums());
  }

  [[noreturn]] void Refuse(const std::string& message) const {
    throw Error(Reason::kInvalid, "channel " + detail::Quoted(where_.name) + ": " + message);
  }

  int32_t DefaultSlotCount() const {
    int64_t count = 512;
    while (count <= options_.max_unread_count && count < detail::kMaxSlotCount) count *= 2;
    return static_cast<int32_t>(count);
  }

  detail::StaticBlock NewHeader() const {
    detail::StaticBlock h{};
    h.magic = detail::kMagic;
    h.byte_order = detail::kByteOrder;
    h.version_major = 1;
    if (options_.checksums.value_or(false)) {
      h.features_for_writers = detail::kChecksumFeature;
      h.features_informative = detail::kChecksumFeature;
    }
    h.header_length = detail::kHeaderLength;
    h.entry_length = detail::kEntryLength;
    h.descriptor_length = detail::kDescriptorLength;
    h.entry_count = options_.reader_entry_count.value_or(64);
    h.slot_count = options_.slot_count.value_or(DefaultSlotCount());
    h.pin_count = detail::kPinCount;
    h.overflow = static_cast<int32_t>(options_.overflow.value_or(Overflow::kBlock));
    h.retain_count = options_.retain_count.value_or(0);
    if (h.entry_count < 1 || h.entry_count > detail::kMaxEntryCount) {
      Refuse("reader_entry_count=" + std::to_string(h.entry_count) + ", allowed is 1 to 65536");
    }
    if (h.slot_count < 2 || h.slot_count > detail::kMaxSlotCount || (h.slot_count & (h.slot_count - 1)) != 0) {
      Refuse("slot_count=" + std::to_string(h.slot_count) + ", allowed are powers of two from 2 to 16777216");
    }
    if (h.retain_count < 0) Refuse("retain_count=" + std::to_string(h.retain_count) + ", allowed is 0 or more");
    h.entries_offset = detail::kHeaderLength;
    h.descriptors_offset = h.entries_offset + h.entry_count * detail::kEntryLength;
    h.arena_offset = detail::RoundUp(h.descriptors_offset + h.slot_count * detail::kDescriptorLength,
                                     detail::kArenaAlignment);
    const int64_t segment_length = options_.segment_length.value_or(int64_t{100} << 20);
    h.arena_length = options_.arena_length.value_or((segment_length - h.arena_offset) / detail::kAlignment *
                                                    detail::kAlignment);
    h.segment_length = options_.arena_length ? h.arena_offset + h.arena_length : segment_length;
    if (h.arena_length < 2 * detail::kAlignment || h.arena_length > detail::kMaxArenaLength ||
        h.arena_length % detail::kAlignment != 0 || (options_.arena_length && options_.segment_length)) {
      Refuse("segment_length=" + std::to_string(segment_length) + " or arena_length=" + std::to_string(h.arena_length) +
             ", allowed is one of them, for an arena of 128 to " + std::to_string(detail::kMaxArenaLength) +
             " bytes, a multiple of 64, behind " + std::to_string(h.arena_offset) + " bytes");
    }
    // QDS1-HDR-07
    h.max_message_length = options_.max_message_length.value_or(std::max(
        detail::kAlignment, (h.arena_length / 2 - detail::kAlignment) / detail::kAlignment * detail::kAlignment));
    if (h.max_message_length < 1 || h.max_message_length > h.arena_length) {
      Refuse("max_message_length=" + std::to_string(h.max_message_length) + ", allowed is 1 to " +
             std::to_string(h.arena_length));
    }
    h.creation_realtime_ns = detail::ClockNs(CLOCK_REALTIME);
    h.creation_monotonic_ns = detail::NowNs();
    const int64_t random[2] = {detail::RandomToken(), detail::RandomToken()};
    std::memcpy(h.uuid, random, sizeof h.uuid);
    h.uuid[6] = static_cast<uint8_t>((h.uuid[6] & 0x0F) | 0x40);  // a random UUID, version 4
    h.uuid[8] = static_cast<uint8_t>((h.uuid[8] & 0x3F) | 0x80);
    std::memcpy(h.boot_id, detail::BootId().data(), sizeof h.boot_id);
    bool codec_ok = !options_.codec.empty() && options_.codec.size() <= sizeof h.codec_id;
    for (char c : options_.codec) codec_ok = codec_ok && c >= 0x21 && c <= 0x7E;
    if (!codec_ok) Refuse("codec " + detail::Quoted(options_.codec) + ", allowed are 1 to 32 printable ASCII characters");
    std::memcpy(h.codec_id, options_.codec.data(), options_.codec.size());
    std::memcpy(h.creator_language, "C++", 3);
    std::memcpy(h.creator_version, kVersion, std::strlen(kVersion));
    std::memcpy(h.creator_backend, "qds.hpp", 7);
    return h;
  }

  /// Chapter 8. False: the name exists by now, or the temporary file was swept.
  bool Create() {
    detail::StaticBlock header = NewHeader();
    MakeDirectory();
    CheckSpace(header.segment_length);
    const std::string temporary =
        where_.directory + "/." + where_.name + ".qds" + detail::Hex(static_cast<uint64_t>(detail::RandomToken())) +
        ".tmp";
    detail::File file(temporary, O_RDWR | O_CREAT | O_EXCL, detail::File::kNoFollow, 0600);
    if (!file.ok()) detail::ThrowErrno("cannot create", temporary);
    bool named = false;
    try {
      named = Fill(file, header, temporary);
    } catch (const Error&) {
      ::unlink(temporary.c_str());
      throw;
    }
    ::unlink(temporary.c_str());
    return named;
  }

  bool Fill(detail::File& file, detail::StaticBlock& header, const std::string& temporary) {
    const int fd = file.fd();
    struct stat info {};
    if (!file.TryLock(detail::kWriterLock)) return false;  // it is being swept
    if (fstat(fd, &info) != 0 || fchmod(fd, options_.file_mode) != 0) detail::ThrowErrno("cannot set up", temporary);
    if (info.st_nlink == 0) return false;  // it was swept
    const std::vector<uint8_t> zeros(size_t{1} << 20);
    for (int64_t at = 0; at < header.segment_length;) {
      const size_t length = std::min(zeros.size(), static_cast<size_t>(header.segment_length - at));
      const ssize_t written = pwrite(fd, zeros.data(), length, at);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        detail::ThrowErrno("cannot write byte " + std::to_string(at) + " of " +
                               std::to_string(header.segment_length) + " of",
                           temporary);
      }
      at += written;
    }
    header.inode = static_cast<int64_t>(info.st_ino);
    header.crc = detail::Crc32c(&header, offsetof(detail::StaticBlock, crc));
    if (pwrite(fd, &header, sizeof header, 0) != ssize_t{sizeof header}) detail::ThrowErrno("cannot write", temporary);
    std::shared_ptr<detail::Segment> segment = detail::Segment::Wrap(where_, std::move(file), header);
    segment->Map();
    StoreRecord(*segment);
    if (::link(temporary.c_str(), where_.path.c_str()) != 0) {
      if (errno == EEXIST || errno == ENOENT) return false;
      detail::ThrowErrno("cannot name", where_.path);
    }
    segment_ = std::move(segment);
    return true;
  }

  /// QDS1-FILE-02: not a directory that was named for this channel.
  void MakeDirectory() const {
    if (!options_.directory.empty()) return;
    for (size_t at = 1; at != std::string::npos;) {
      at = where_.directory.find('/', at + 1);
      const std::string part = where_.directory.substr(0, at);
      if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) detail::ThrowErrno("cannot create directory", part);
    }
  }

  void CheckSpace(int64_t length) const {  // QDS1-NEW-01
    const auto require = [this, length](int64_t left, const std::string& where, const char* remedy) {
      if (left >= length) return;
      throw Error(Reason::kDirectoryFull, "channel " + detail::Quoted(where_.name) + " needs " +
                                              std::to_string(length) + " bytes, " + where + " leaves " +
                                              std::to_string(left) + "; ask for less or " + remedy);
    };
    struct rlimit file_size {};
    if (::getrlimit(RLIMIT_FSIZE, &file_size) == 0 && file_size.rlim_cur < detail::kMaxArenaLength * 2) {
      require(static_cast<int64_t>(file_size.rlim_cur), "the file-size limit of this process", "raise it (ulimit -f)");
    }
    struct statfs info {};
    if (::statfs(where_.directory.c_str(), &info) != 0) return;  // filling tells
    require(static_cast<int64_t>(info.f_bavail) * info.f_bsize, where_.directory, "free some");
    if (info.f_type == TMPFS_MAGIC) {
      const detail::MemoryLimit limit = detail::TightestMemoryLimit();
      require(limit.left, "the memory limit of control group " + limit.group, "raise it");
    }
  }

  /// Removes what dead creators left (QDS1-NEW-06).
  void SweepTemporaries() const {
    const std::string prefix = "." + where_.name + ".qds";
    DIR* listing = ::opendir(where_.directory.c_str());
    if (listing == nullptr) return;
    std::vector<std::string> found;
    while (const dirent* each = ::readdir(listing)) {
      const std::string file = each->d_name;
      if (file.size() <= prefix.size() + 4 || file.compare(0, prefix.size(), prefix) != 0 ||
          file.compare(file.size() - 4, 4, ".tmp") != 0) {
        continue;
      }
      const std::string digits = file.substr(prefix.size(), file.size() - prefix.size() - 4);
      if (digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos) {
        found.push_back(where_.directory + "/" + file);
      }
    }
    ::closedir(listing);
    for (const std::string& path : found) {
      struct stat info {};
      if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      detail::File file(path, O_RDWR);
      if (!file.ok()) continue;
      try {
        // With a second name it may be locked by the channel's writer; its creator removes it within moments.
        const bool linked_long_ago =
            info.st_nlink > 1 && detail::ClockNs(CLOCK_REALTIME) / 1000000000 - info.st_ctim.tv_sec > 1;
        if (linked_long_ago || file.TryLock(detail::kWriterLock)) ::unlink(path.c_str());
      } catch (const Error&) {  // who cannot lock passes it over
      }
    }
  }

  // ---- Publishing (chapters 10, 12)

  void CheckOpen() const {
    if (!segment_) throw Error(Reason::kClosed, "the writer of channel " + detail::Quoted(where_.name) + " is closed");
    if (!segment_->file().IsOurs()) {
      throw Error(Reason::kClosed, "the writer of channel " + detail::Quoted(where_.name) +
                                       " was opened before the fork; open one in the child");
    }
  }
  void CheckToken() const {  // QDS1-ID-05
    if (detail::LoadAcquire(segment_->control().writer_token) != token_) {
      segment_->Fail(Reason::kReplaced, "another writer, " + segment_->DescribeWriter() +
                                            ", took this one's place; nothing more was written");
    }
  }
  void CheckAttached() const {
    CheckToken();
    if (segment_->IsRemoved()) segment_->Fail(Reason::kRemoved, "was removed; close this writer and open another");
  }

  /// The least cursor of who holds the writer back, or `otherwise`. Each state is loaded before its cursor.
  int64_t LeastCursor(int64_t otherwise) const {
    int64_t least = INT64_MAX;
    for (int32_t i = 0; i < segment_->entry_count(); ++i) {
      const detail::Entry& e = segment_->entry(i);
      if (segment_->HoldsBack(detail::LoadAcquire(e.state))) least = std::min(least, detail::LoadAcquire(e.cursor));
    }
    return least == INT64_MAX ? otherwise : least;
  }
  int64_t LowestDue() const {
    const int64_t kept = segment_->Kept();  // before the states
    return std::clamp<int64_t>(LeastCursor(kept), 0, next_);  // QDS1-REC-05
  }
  int64_t SecondScan() const { return segment_->blocks() ? std::min(floor_, LeastCursor(floor_)) : floor_; }

  void ReclaimTo(int64_t floor) {
    if (floor > floor_) {
      CheckToken();
      floor_ = floor;
      detail::StoreRelease(segment_->control().floor, floor);
    }
    detail::FullFence();  // pair "floor"
    live_ = std::max(live_, SecondScan());
    for (; !messages_.empty() && next_ - static_cast<int64_t>(messages_.size()) < live_; messages_.pop_front()) {
      if (messages_.front() >= 0) used_.erase(messages_.front());
    }
  }

  struct Interval {
    int64_t start;
    int64_t end;
  };

  /// The end of a live payload that touches [offset, offset + room).
  std::optional<int64_t> FirstUsedEnd(int64_t offset, int64_t room) const {
    const auto after = used_.lower_bound(offset + room);
    if (after == used_.begin()) return std::nullopt;
    const int64_t end = std::prev(after)->second;
    return end > offset ? std::optional<int64_t>(end) : std::nullopt;
  }

  void LoadPins() {  // QDS1-PUB-05: states before pins
    pins_.clear();
    for (int32_t i = 0; i < segment_->entry_count(); ++i) {
      const detail::Entry& e = segment_->entry(i);
      if ((detail::LoadAcquire(e.state) & 0xFF) == detail::kFree) continue;
      for (const uint64_t& word : e.pins) {
        const uint64_t pin = detail::LoadAcquire(word);
        if (pin == 0) continue;
        const int64_t start = static_cast<int64_t>(pin >> 32) * detail::kAlignment;
        pins_.push_back({start, start + static_cast<int64_t>(pin & 0xFFFFFFFF) * detail::kAlignment});
      }
    }
  }

  /// The first free place at or after `from`, clear of live payloads and pins.
  std::optional<int64_t> FreePlace(int64_t from, int64_t room) const {
    for (int64_t at = from;;) {
      at = ClearOfMiddle(at, room);
      if (at + room > segment_->header().arena_length) return std::nullopt;
      int64_t blocked = FirstUsedEnd(at, room).value_or(at);
      for (const Interval& pin : pins_) {
        if (pin.start < at + room && pin.end > at) blocked = std::max(blocked, pin.end);
      }
      if (blocked == at) return at;
      at = blocked;
    }
  }

  /// No payload of up to half the arena crosses its middle, so that two of half the arena always fit (QDS1-PUB-09).
  int64_t ClearOfMiddle(int64_t at, int64_t room) const {
    return room <= middle_ && at < middle_ && at + room > middle_ ? middle_ : at;
  }

  bool HasSlot() const {
    return next_ - live_ < segment_->header().slot_count &&
           (next_ - live_ < limit_ || next_ - FirstUnread() < limit_);
  }
  /// The limit of unread messages is this writer's own affair, not the layout's. What a reader holds while it waits for
  /// a later message it has read.
  int64_t FirstUnread() const {
    int64_t first = INT64_MAX;
    for (int32_t i = 0; i < segment_->entry_count(); ++i) {
      const detail::Entry& e = segment_->entry(i);
      if (!segment_->HoldsBack(detail::LoadAcquire(e.state))) continue;
      first = std::min(first, std::max(detail::LoadAcquire(e.cursor), detail::LoadAcquire(e.waiting_for) - 1));
    }
    return std::clamp(first == INT64_MAX ? live_ : first, live_, next_);
  }

  std::optional<int64_t> InRegion(int64_t room) const {
    const int64_t at = ClearOfMiddle(position_, room);
    return HasSlot() && at + room <= region_end_ ? std::optional<int64_t>(at) : std::nullopt;
  }

  std::optional<int64_t> Search(int64_t room) {
    if (!HasSlot()) return std::nullopt;
    LoadPins();
    std::optional<int64_t> place = FreePlace(position_, room);
    if (!place) place = FreePlace(0, room);
    if (!place) return std::nullopt;
    // Remember how far memory is free behind it (QDS1-REC-06).
    position_ = *place;
    const auto after = used_.lower_bound(*place);
    region_end_ = after == used_.end() ? segment_->header().arena_length : after->first;
    for (const Interval& pin : pins_) {
      if (pin.start >= *place) region_end_ = std::min(region_end_, pin.start);
    }
    return place;
  }

  /// A place, without waiting.
  std::optional<int64_t> Place(int64_t room) {
    if (std::optional<int64_t> place = InRegion(room)) return place;
    if (segment_->blocks()) {
      const int64_t due = LowestDue();
      const int64_t retain = segment_->header().retain_count;
      ReclaimTo(std::min(next_, due - retain));
      std::optional<int64_t> place = Search(room);
      if (!place && retain > 0) {
        ReclaimTo(due);
        place = Search(room);
      }
      return place;
    }
    for (;;) {
      if (std::optional<int64_t> place = Search(room)) return place;
      if (floor_ >= next_) return std::nullopt;
      ReclaimTo(NextFloor());
    }
  }

  /// DROP_OLDEST: a sixteenth of the ring or of the arena further (QDS1-PUB-07).
  int64_t NextFloor() const {
    int64_t bytes = 0;
    const int64_t most = std::min(next_ - floor_, std::max<int64_t>(1, segment_->header().slot_count / 16));
    int64_t count = 0;
    const size_t first = messages_.size() - static_cast<size_t>(next_ - floor_);
    while (count < most && bytes < segment_->header().arena_length / 16) {
      const auto block = used_.find(messages_[first + static_cast<size_t>(count)]);
      if (block != used_.end()) bytes += block->second - block->first;
      ++count;
    }
    return floor_ + count;
  }

  std::optional<int64_t> AwaitPlace(int64_t room, const detail::Deadline& deadline) {
    auto& control = segment_->control();
    int32_t stalled = -1;
    for (int round = 0;; ++round) {
      CheckAttached();
      if (std::optional<int64_t> place = Place(room)) return place;
      if (detail::NowNs() - last_eviction_ns_ >= (round == 0 ? 10000000 : 100000000)) {  // QDS1-EVICT-02
        segment_->EvictTheDead();
        last_eviction_ns_ = detail::NowNs();
        if (std::optional<int64_t> place = Place(room)) return place;
      }
      if (!segment_->blocks()) FailForPins();
      if (deadline.Passed()) return std::nullopt;
      if (round < 100) {
        std::this_thread::yield();
        continue;
      }
      // Seen twice, so that a reader which is about to take and release is not blamed.
      const int32_t before = std::exchange(stalled, StalledReader());
      if (stalled >= 0 && stalled == before) {
        segment_->Fail(Reason::kReaderHoldsLoans, segment_->DescribeReader(stalled) + " waits for message " +
                                             std::to_string(next_) + " while it holds the room for it; let it release " +
                                             "its messages first, or create a larger channel");
      }
      if (++waiting_value_ <= 0) waiting_value_ = 1;
      detail::StoreRelease(control.writer_waiting, waiting_value_);
      detail::FullFence();  // pair "room"
      const std::optional<int64_t> place = Place(room);
      if (!place) {
        Duration nap = detail::Segment::NapLength(AllReadersWake(), deadline);
        // A reader that begins to wait wakes nobody, and changes what counts as unread, or who is to blame.
        if (stalled >= 0 || limit_ < segment_->header().slot_count) {
          nap = std::min<Duration>(nap, std::chrono::milliseconds(10));
        }
        detail::FutexWait(&control.writer_waiting, waiting_value_, nap);
      }
      detail::Store(control.writer_waiting, 0);
      if (place) return place;
    }
  }

  bool AllReadersWake() const {
    for (int32_t i = 0; i < segment_->entry_count(); ++i) {
      const detail::Entry& e = segment_->entry(i);
      if (detail::LoadAcquire(e.state) != detail::kFree && detail::Load(e.wakes) == 0) return false;
    }
    return true;
  }

  /// QDS1-PUB-08, or -1.
  int32_t StalledReader() const {
    for (int32_t i = 0; i < segment_->entry_count(); ++i) {
      const detail::Entry& e = segment_->entry(i);
      if (segment_->HoldsBack(detail::LoadAcquire(e.state)) && detail::LoadAcquire(e.waiting_for) == next_ + 1 &&
          detail::LoadAcquire(e.cursor) <= live_ && live_ < next_) {
        return i;
      }
    }
    return -1;
  }

  [[noreturn]] void FailForPins() const {
    std::string holders;
    for (int32_t i = 0; i < segment_->entry_count(); ++i) {
      const detail::Entry& e = segment_->entry(i);
      if (detail::LoadAcquire(e.state) == detail::kFree) continue;
      for (const uint64_t& pin : e.pins) {
        if (detail::LoadAcquire(pin) == 0) continue;
        holders += (holders.empty() ? "" : ", ") + segment_->DescribeReader(i);
        break;
      }
    }
    segment_->Fail(Reason::kNoRoom, "open messages leave no room, held by " + holders +
                                        "; let them be released, or create a larger channel");
  }

  void Commit(int64_t length, int64_t claimed, int64_t tag) {
    CheckOpen();
    if (length < 0 || length > claimed) {
      segment_->Fail(Reason::kInvalid,
                     "commit of length=" + std::to_string(length) + ", claimed was " + std::to_string(claimed));
    }
    CheckToken();
    auto& control = segment_->control();
    auto& d = segment_->descriptor(next_);
    const uint32_t checksum =
        segment_->checksums() ? detail::Crc32c(segment_->arena() + claim_offset_, static_cast<size_t>(length)) : 0;
    detail::Store(d.stamp, 0);
    detail::ReleaseFence();  // pair "slot rewrite"
    detail::Store(d.offset, claim_offset_);
    detail::Store(d.length, length);
    detail::Store(d.time_ns, detail::NowNs());
    detail::Store(d.tag, tag);
    detail::Store(d.flags, 0);
    detail::Store(d.checksum, checksum);
    detail::StoreRelease(d.stamp, next_ + 1);  // pair "stamp"
    position_ = claim_offset_ + detail::RoomOf(length);
    region_end_ = std::max(region_end_, position_);
    used_[claim_offset_] = position_;
    messages_.push_back(claim_offset_);
    ++next_;
    published_bytes_ += length;
    detail::Store(control.published_bytes, published_bytes_);
    detail::StoreRelease(control.published, next_);
    segment_->WakeReaders();
  }

  WriterOptions options_;
  detail::Located where_;
  std::shared_ptr<detail::Segment> segment_;
  int64_t token_ = 0;
  int64_t next_ = 0;
  int64_t live_ = 0;  // no reader is below, and none will be
  int64_t floor_ = 0;
  int64_t published_bytes_ = 0;
  int64_t limit_ = 0;
  int64_t middle_ = 0;
  // The allocator: payloads of live messages by offset (start to end), and their offsets by sequence, up to `next_`.
  std::map<int64_t, int64_t> used_;
  std::deque<int64_t> messages_;
  std::vector<Interval> pins_;
  int64_t position_ = 0;    // where the next payload goes
  int64_t region_end_ = 0;  // from there to here memory is known to be free
  bool claimed_ = false;
  int64_t claim_offset_ = 0;
  int32_t waiting_value_ = 0;
  int64_t last_eviction_ns_ = 0;
};

inline Claim::~Claim() {
  if (writer_ != nullptr) writer_->claimed_ = false;
}

inline void Claim::Commit(int64_t length, int64_t tag) {
  if (writer_ == nullptr) throw Error(Reason::kInvalid, "the claim was committed already");
  writer_->Commit(length, length_, tag);
  std::exchange(writer_, nullptr)->claimed_ = false;
}

// ---- Reader ---------------------------------------------------------------------------------------------------------

struct ReaderOptions {
  enum class Start { kOldest, kLatest, kSequence };
  std::string directory;        // empty: QDS_DIR, else /dev/shm
  std::string codec = "bytes";  // what the payloads must be
  std::string label;
  Mode mode = Mode::kLossless;
  Start start = Start::kOldest;
  int64_t sequence = 0;         // for kSequence
  bool allow_gaps = true;       // false: refuse to join where messages wanted are gone
  bool wait_for_successor = false;  // go on waiting when the writer has died
  /// Copy each message before it is looked at. Done in any case if the file belongs to another user (QDS1-TRUST-05).
  bool copy = false;
  Duration open_timeout = Duration::zero();  // how long to wait for the channel to exist
};

namespace detail {

struct TakenMessage {
  int64_t sequence = 0;
  int64_t length = 0;
  int64_t time_ns = 0;
  int64_t tag = 0;
  uint64_t pin = 0;
  const uint8_t* data = nullptr;
  std::unique_ptr<uint8_t[]> copy;
};

/// A reader's entry, kept until the reader is closed and its last loan is over.
class ReaderCore {
 public:
  ReaderCore(std::shared_ptr<Segment> opened, int32_t index, const ReaderOptions& options)
      : segment(std::move(opened)), entry(segment->entry(index)), index_(index), mode_(options.mode) {
    Join(options);
  }

  const std::shared_ptr<Segment> segment;
  Entry& entry;

  bool IsObserver() const { return mode_ == Mode::kObserver; }
  int64_t next() const { return next_; }
  int64_t lost() const { return lost_; }
  int64_t read_count() const { return read_count_; }
  int64_t read_bytes() const { return read_bytes_; }

  void CheckToken() const {
    if (!segment->file().IsOurs()) {
      segment->Fail(Reason::kClosed, "this reader was opened before the fork; open one in the child");
    }
    if (LoadAcquire(entry.token) != token_) {
      segment->Fail(Reason::kEvicted, "this reader was taken for dead and lost its place; open another");
    }
  }

  /// The message due, if it is there. Throws kCorrupt for a damaged one, and passes it over.
  std::optional<TakenMessage> Take(bool must_copy) {
    CheckToken();
    std::lock_guard<std::mutex> guard(mutex_);
    for (;;) {
      const int64_t s = next_;
      const Descriptor& d = segment->descriptor(s);
      if (LoadAcquire(d.stamp) != s + 1) {  // pair "stamp"
        if (IsObserver() && SkipIfLapped(s)) continue;
        CheckMissingStamp(s, d);
        return std::nullopt;
      }
      TakenMessage message;
      message.sequence = s;
      const int64_t offset = Load(d.offset);
      message.length = Load(d.length);
      message.time_ns = Load(d.time_ns);
      message.tag = Load(d.tag);
      const uint32_t checksum = Load(d.checksum);
      const int64_t arena = segment->header().arena_length;
      if (offset < 0 || offset % kAlignment != 0 || message.length < 0 || message.length > arena ||
          offset > arena - message.length) {
        AcquireFence();
        if (IsObserver() && SkipIfLapped(s)) continue;
        Advance(s + 1);
        FailAt(s, "its descriptor has offset " + std::to_string(offset) + " and length " +
                      std::to_string(message.length) + ", allowed are multiples of 64 within " +
                      std::to_string(arena) + " bytes");
      }
      message.data = segment->arena() + offset;
      message.pin = static_cast<uint64_t>(offset / kAlignment) << 32 |
                    static_cast<uint64_t>(RoomOf(message.length) / kAlignment);
      int slot = -1;
      if (IsObserver()) {
        slot = must_copy ? -1 : FreeSlot();
        if (slot >= 0) {
          StoreRelease(entry.pins[slot], message.pin);
          FullFence();  // pairs "floor" and "slot rewrite"
          if (SkipIfLapped(s)) {
            ClearPin(slot);
            continue;
          }
        }
      }
      if (must_copy || (IsObserver() && slot < 0)) {
        message.copy.reset(new uint8_t[static_cast<size_t>(RoomOf(message.length)) + kAlignment]);
        uint8_t* aligned = Aligned(message.copy.get());
        std::memcpy(aligned, message.data, static_cast<size_t>(message.length));
        message.data = aligned;
        if (IsObserver()) {
          AcquireFence();
          if (SkipIfLapped(s)) continue;  // the floor alone tells (QDS1-READ-03)
        }
      }
      if (segment->checksums()) {
        const uint32_t found = Crc32c(message.data, static_cast<size_t>(message.length));
        if (found != checksum) {
          if (slot >= 0) ClearPin(slot);
          Advance(s + 1);
          FailAt(s, "its checksum is 0x" + Hex(found) + ", the descriptor says 0x" + Hex(checksum));
        }
      }
      if (!IsObserver() || slot >= 0) open_[s] = {message.pin, slot};
      Advance(s + 1);
      Store(entry.read_count, ++read_count_);
      Store(entry.read_bytes, read_bytes_ += message.length);
      return message;
    }
  }

  /// Ends the loan of a message. Any thread; never throws.
  void Release(int64_t sequence) noexcept {
    if (!segment->file().IsOurs()) return;
    try {
      std::lock_guard<std::mutex> guard(mutex_);
      const auto found = open_.find(sequence);
      if (found == open_.end()) return;  // a copy
      const int slot = found->second.slot;
      open_.erase(found);
      if (LoadAcquire(entry.token) != token_) return;
      if (slot >= 0) ClearPin(slot);
      if (!IsObserver() && !lingering_) Advance(next_);
      if (closed_) LeaveOrLinger();
    } catch (const std::exception&) {  // a lock that cannot be given up goes with the process
    }
  }

  void Close() {
    if (!segment->file().IsOurs()) return;
    std::lock_guard<std::mutex> guard(mutex_);
    if (std::exchange(closed_, true) || LoadAcquire(entry.token) != token_) return;
    LeaveOrLinger();
  }

 private:
  struct OpenLoan {
    uint64_t pin;
    int slot;
  };

  static uint8_t* Aligned(uint8_t* p) {
    return p + (kAlignment - static_cast<int64_t>(reinterpret_cast<uintptr_t>(p) % kAlignment)) % kAlignment;
  }

  [[noreturn]] void FailAt(int64_t sequence, const std::string& what) const {
    segment->Fail(Reason::kCorrupt, "message " + std::to_string(sequence) + " is damaged and was passed over: " + what);
  }

  int32_t StateWord(EntryState state) const { return static_cast<int32_t>(state) | static_cast<int32_t>(mode_) << 8; }

  void Join(const ReaderOptions& options) {  // chapter 11
    auto& control = segment->control();
    for (uint64_t& pin : entry.pins) StoreRelease(pin, 0);
    Store(entry.waiting_for, 0);
    Store(entry.wakes, 1);
    Store(entry.pid, getpid());
    Store(entry.start_time, StartTimeOf(getpid()));
    Store(entry.pid_namespace, PidNamespace());
    Store(entry.since_ns, ClockNs(CLOCK_REALTIME));
    CopyLabel(entry.label, options.label.empty() ? DefaultLabel() : options.label);
    Store(entry.read_count, 0);
    Store(entry.read_bytes, 0);
    Store(entry.lost_count, 0);
    token_ = RandomToken();
    StoreRelease(entry.token, token_);

    const int64_t floor = LoadAcquire(control.floor);
    const int64_t published = LoadAcquire(control.published);
    try {
      segment->CheckCounters(floor, published);
      next_ = options.start == ReaderOptions::Start::kOldest   ? floor
              : options.start == ReaderOptions::Start::kLatest ? published
                                                               : options.sequence;
      if (next_ > published || next_ < 0) {
        segment->Fail(Reason::kSequenceGone, "sequence=" + std::to_string(next_) + ", allowed is " + std::to_string(floor) +
                                            " to " + std::to_string(published));
      }
      // With the oldest there is no gap, however far the floor goes meanwhile.
      const bool gaps = options.allow_gaps || options.start != ReaderOptions::Start::kSequence;
      bool raised = false;
      for (int64_t lowest = floor;; lowest = LoadAcquire(control.floor)) {
        const bool joining = LoadAcquire(entry.state) != kFree;
        if (joining && lowest <= next_) break;
        if (lowest > next_) {
          if (!gaps) {
            segment->Fail(Reason::kSequenceGone, "message " + std::to_string(next_) + " is gone, the oldest is " +
                                             std::to_string(lowest) + "; allow gaps or start at the oldest");
          }
          raised = joining;
          next_ = lowest;
        }
        StoreRelease(entry.cursor, next_);
        StoreRelease(entry.state, StateWord(kJoining));
        FullFence();  // pair "floor"
      }
      StoreRelease(entry.state, StateWord(kActive));
      FullFence();
      if (raised) segment->WakeWriter();
    } catch (const Error&) {
      segment->FreeEntry(entry);
      throw;
    }
  }

  int FreeSlot() const {
    for (int i = 0; i < kPinCount; ++i) {
      if (Load(entry.pins[i]) == 0) return i;
    }
    return -1;
  }
  void ClearPin(int slot) const {
    StoreRelease(entry.pins[slot], 0);
    segment->WakeWriter();
  }

  /// Goes on to the next sequence, and stores the cursor: the oldest open loan of a lossless reader.
  void Advance(int64_t next) {
    next_ = next;
    const int64_t cursor = IsObserver() || open_.empty() ? next_ : open_.begin()->first;
    if (cursor == Load(entry.cursor)) return;
    StoreRelease(entry.cursor, cursor);  // pair "cursor"
    if (!IsObserver()) segment->WakeWriter();
  }

  /// An observer whose message is gone goes forward (QDS1-READ-02).
  bool SkipIfLapped(int64_t s) {
    const int64_t floor = LoadAcquire(segment->control().floor);
    if (floor <= s) return false;
    const int64_t published = LoadAcquire(segment->control().published);
    segment->CheckCounters(floor, published);
    const int64_t target = floor + (published - floor) / 4;
    Store(entry.lost_count, lost_ += target - s);
    Advance(target);
    return true;
  }

  /// QDS1-TRUST-04
  void CheckMissingStamp(int64_t s, const Descriptor& d) {
    if (LoadAcquire(segment->control().published) <= s || LoadAcquire(d.stamp) == s + 1) return;
    if (IsObserver() && LoadAcquire(segment->control().floor) > s) return;  // lapped: seen next time
    Advance(s + 1);
    FailAt(s, "it was published, but its stamp is " + std::to_string(LoadAcquire(d.stamp)) + ", allowed is " +
                  std::to_string(s + 1));
  }

  void LeaveOrLinger() {
    if (open_.empty()) {
      segment->FreeEntry(entry);
      segment->file().Unlock(kWriterLock + 1 + index_);
      segment->TryRemoveDrained();
    } else if (!lingering_ && open_.size() <= size_t{kPinCount}) {  // QDS1-LEAVE-05
      if (!IsObserver()) {
        int slot = 0;
        for (auto& [sequence, loan] : open_) {
          loan.slot = slot++;
          StoreRelease(entry.pins[loan.slot], loan.pin);
        }
      }
      if (!IsObserver() || !segment->blocks()) segment->RaiseLeftCursor(entry, next_);
      StoreRelease(entry.state, StateWord(kLingering));
      lingering_ = true;
      segment->WakeWriter();
    }
  }

  const int32_t index_;
  const Mode mode_;
  int64_t token_ = 0;
  int64_t next_ = 0;
  int64_t lost_ = 0;
  int64_t read_count_ = 0;
  int64_t read_bytes_ = 0;
  std::mutex mutex_;
  std::map<int64_t, OpenLoan> open_;
  bool closed_ = false;
  bool lingering_ = false;
};

}  // namespace detail

/// A received message. Its bytes stay as they are until it is destroyed, by any thread, also after its reader.
class Loan {
 public:
  Loan(Loan&&) noexcept = default;
  Loan& operator=(Loan&& other) noexcept {
    Release();
    core_ = std::move(other.core_);
    message_ = std::move(other.message_);
    return *this;
  }
  ~Loan() { Release(); }
  const uint8_t* data() const { return message_.data; }
  int64_t length() const { return message_.length; }
  int64_t sequence() const { return message_.sequence; }
  int64_t tag() const { return message_.tag; }
  /// Of the commit, on CLOCK_MONOTONIC; 0: not taken.
  int64_t time_ns() const { return message_.time_ns; }
  /// Whether this is a private copy, not a view of the shared memory.
  bool is_copy() const { return message_.copy != nullptr; }

 private:
  friend class Reader;
  Loan(std::shared_ptr<detail::ReaderCore> core, detail::TakenMessage message)
      : core_(std::move(core)), message_(std::move(message)) {}
  void Release() {
    if (core_) core_->Release(message_.sequence);
    core_.reset();
  }
  std::shared_ptr<detail::ReaderCore> core_;
  detail::TakenMessage message_;
};

/// A reading end. One thread at a time.
class Reader {
 public:
  explicit Reader(const std::string& name, const ReaderOptions& options = {}) : options_(options) {
    const detail::Located where(name, options_.directory);
    for (const detail::Deadline deadline(options_.open_timeout); !Attach(where);) {
      if (deadline.Passed()) {
        throw Error(Reason::kNoSuchChannel, "channel " + detail::Quoted(name) + " does not exist in " + where.directory +
                                           "; start its writer first, or set open_timeout");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    must_copy_ = options_.copy || core_->segment->IsForeign();
  }
  Reader(Reader&&) = default;
  Reader& operator=(Reader&&) = delete;
  ~Reader() {
    try {
      Close();
    } catch (const Error&) {  // the entry's lock goes with the file
    }
  }

  /// The next message, or nothing: in time, or ever (then at_end() is true). After the last message throws
  /// kWriterDied or kRemoved; kEvicted if this reader lost its place; kCorrupt for a damaged message, which is passed
  /// over by the next call.
  std::optional<Loan> Read(Duration timeout = kForever) {
    if (!core_) throw Error(Reason::kClosed, "the reader is closed");
    const detail::Deadline deadline(timeout);
    auto& control = core_->segment->control();
    Waiting waiting{core_->entry, core_->segment->file()};
    for (int round = 0;; ++round) {
      if (std::optional<Loan> loan = TryTake()) return loan;
      if (CheckEnd() || deadline.Passed()) return std::nullopt;
      if (round < 100) {
        std::this_thread::yield();
        continue;
      }
      const int64_t s = core_->next();
      waiting.Announce(s + 1);
      detail::FullFence();
      detail::StoreRelease(control.readers_waiting, 1);
      detail::FullFence();  // pair "message"
      const int64_t published = detail::LoadAcquire(control.published);
      if (std::optional<Loan> loan = TryTake()) return loan;
      if (CheckEnd()) return std::nullopt;
      if (core_->next() != s) continue;
      // This reader may have seen the stamp of s - 1 before published became s: it sleeps then, too.
      detail::FutexWait(core_->segment->published_word(),
                        static_cast<int32_t>(static_cast<uint32_t>(std::min(s, published))),
                        detail::Segment::NapLength(detail::Load(control.writer_wakes) != 0, deadline));
    }
  }

  /// Whether the writer has closed the channel and all was read.
  bool at_end() const { return at_end_; }
  /// Messages that this observer has passed over.
  int64_t lost_count() const { return core_->lost(); }
  int64_t read_count() const { return core_->read_count(); }
  int64_t read_bytes() const { return core_->read_bytes(); }
  int64_t next() const { return core_->next(); }
  const std::string& name() const { return core_->segment->name(); }
  /// Whether messages are copied before they are looked at: the writer is not trusted.
  bool copies() const { return must_copy_; }

  /// Leaves the channel; open loans stay good. Called by the destructor, too.
  void Close() {
    if (core_) core_->Close();
    core_.reset();
  }

 private:
  /// The announcement of a wait, taken back at its end.
  struct Waiting {
    detail::Entry& entry;
    const detail::File& file;
    bool announced = false;
    void Announce(int64_t value) {
      announced = true;
      detail::StoreRelease(entry.waiting_for, value);
    }
    ~Waiting() {
      if (announced && file.IsOurs()) detail::StoreRelease(entry.waiting_for, 0);
    }
  };

  std::optional<Loan> TryTake() {
    std::optional<detail::TakenMessage> message = core_->Take(must_copy_);
    if (!message) return std::nullopt;
    at_end_ = false;
    return Loan(core_, std::move(*message));
  }

  /// QDS1-END: the evidence first, then the stamp once more.
  bool CheckEnd() {
    const detail::Segment& segment = *core_->segment;
    auto& control = segment.control();
    const bool closed = detail::LoadAcquire(control.writer_state) == detail::kWriterClosed;  // pair "end"
    const bool removed = segment.IsRemoved();
    bool dead = false;
    if (!closed && detail::NowNs() - last_probe_ns_ >= 100000000) {
      dead = segment.IsWriterDead();
      last_probe_ns_ = detail::NowNs();
    }
    if (!closed && !removed && !dead) return false;
    const int64_t s = core_->next();
    if (detail::LoadAcquire(segment.descriptor(s).stamp) == s + 1 || detail::LoadAcquire(control.published) > s) {
      last_probe_ns_ = 0;
      return false;
    }
    if (closed) return at_end_ = true;
    if (removed) segment.Fail(Reason::kRemoved, "was removed, and all that it held was read");
    if (options_.wait_for_successor) return false;
    segment.Fail(Reason::kWriterDied, "its writer, " + segment.DescribeWriter() + ", died; the last message was " +
                                          std::to_string(s - 1));
  }

  /// False: there is no channel yet.
  bool Attach(const detail::Located& where) {
    std::shared_ptr<detail::Segment> segment = detail::Segment::Open(where, false);
    if (!segment || !segment->IsOfThisBoot()) return false;
    if (segment->codec() != options_.codec) {
      segment->Fail(Reason::kCodecDiffers, "carries codec " + detail::Quoted(segment->codec()) + ", asked for was " +
                                           detail::Quoted(options_.codec));
    }
    if (!segment->blocks() && options_.mode == Mode::kLossless) {
      segment->Fail(Reason::kUnsupported, "drops its oldest messages and takes observers only; open an observer");
    }
    segment->Map();
    // An entry that is free but busy is about to be given back or taken (QDS1-LOCK-04).
    for (const detail::Deadline patience(std::chrono::seconds(3));;) {
      if (segment->IsRemoved() || !segment->IsAtItsPath()) return false;
      bool busy = false;
      for (int pass = 0; pass < 2; ++pass) {
        for (int32_t i = 0; i < segment->entry_count(); ++i) {
          if (detail::LoadAcquire(segment->entry(i).state) != detail::kFree) continue;
          if (!segment->file().TryLock(detail::kWriterLock + 1 + i)) {
            busy = true;
            continue;
          }
          if (segment->IsRemoved() || !segment->IsAtItsPath()) return false;
          if (detail::LoadAcquire(segment->entry(i).state) == detail::kFree) {
            core_ = std::make_shared<detail::ReaderCore>(segment, i, options_);
            return true;
          }
          segment->file().Unlock(detail::kWriterLock + 1 + i);
        }
        segment->EvictTheDead();
      }
      if (!busy || patience.Passed()) {
        segment->Fail(Reason::kReaderTableFull, "all " + std::to_string(segment->entry_count()) +
                                         " reader entries are taken; close a reader, or create it with more");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  ReaderOptions options_;
  std::shared_ptr<detail::ReaderCore> core_;
  bool must_copy_ = false;
  bool at_end_ = false;
  int64_t last_probe_ns_ = 0;
};

}  // namespace qds
