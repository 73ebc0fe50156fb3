// Tests of qds.hpp: real files, real processes, kill -9.
#include "test.hpp"

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

qds::WriterOptions Small() {
  qds::WriterOptions options;
  options.segment_length = 1 << 18;
  options.slot_count = 16;
  options.reader_entry_count = 4;
  return options;
}

/// The payload of message s: its length and all of its bytes follow from s.
std::vector<uint8_t> Payload(int64_t s) {
  std::vector<uint8_t> bytes(static_cast<size_t>(s * 7919 % 20000));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(static_cast<uint64_t>(s) * 31 + i);
  return bytes;
}
bool Is(const qds::Loan& loan, int64_t s) {
  const std::vector<uint8_t> expected = Payload(s);
  return loan.sequence() == s && loan.length() == static_cast<int64_t>(expected.size()) &&
         (expected.empty() || std::memcmp(loan.data(), expected.data(), expected.size()) == 0);
}
void WritePayload(qds::Writer& writer) {
  const std::vector<uint8_t> bytes = Payload(writer.next());
  CHECK(writer.Write(bytes.data(), static_cast<int64_t>(bytes.size())));
}

std::string PathOf(const std::string& name) { return std::string(std::getenv("QDS_DIR")) + "/" + name + ".qds"; }
bool Exists(const std::string& name) { return access(PathOf(name).c_str(), F_OK) == 0; }

}  // namespace

TEST(MessagesArriveInOrderAndTheLastToLeaveRemovesTheFile) {
  std::optional<qds::Writer> writer(std::in_place, "order", Small());
  {
    qds::Reader reader("order");
    for (int64_t s = 0; s < 3000; ++s) {
      WritePayload(*writer);
      const auto loan = reader.Read();
      CHECK(loan && Is(*loan, s) && !loan->is_copy());
    }
    CHECK(!reader.Read(milliseconds(1)) && !reader.at_end());
    writer.reset();
    CHECK(!reader.Read() && reader.at_end());
    CHECK(Exists("order"));
  }
  CHECK(!Exists("order"));
}

TEST(TwoProcessesMoveMessagesWithWaitingOnBothSides) {
  Child child([](int) {
    qds::Writer writer("two", Small());
    for (int64_t s = 0; s < 20000; ++s) WritePayload(writer);
  });
  qds::ReaderOptions options;
  options.open_timeout = seconds(30);
  qds::Reader reader("two", options);
  int64_t s = 0;
  while (const auto loan = reader.Read()) CHECK(Is(*loan, s++));
  CHECK(s == 20000 && reader.at_end());
  CHECK(child.Join() == 0);
}

TEST(LoansAreReleasedInAnyOrderAndOutliveTheirReader) {
  qds::WriterOptions options = Small();
  options.slot_count = 64;
  qds::Writer writer("loans", options);
  std::vector<qds::Loan> loans;
  {
    qds::Reader reader("loans");
    for (int i = 0; i < 20; ++i) {
      const std::string text = std::to_string(i);
      CHECK(writer.Write(text.data(), static_cast<int64_t>(text.size())));
      loans.push_back(std::move(*reader.Read()));
    }
  }  // 20 open loans: more than there are pins
  loans.erase(loans.begin() + 3);
  for (int i = 0; i < 9; ++i) loans.erase(loans.begin() + 1);  // now they are few enough
  CHECK(loans.size() == 10);
  std::vector<uint8_t> noise(5000, 0xAA);
  int64_t written = 0;
  while (written < 200 && writer.Write(noise.data(), 5000, milliseconds(0))) {
    ++written;
    if (written == 1) {
      qds::Reader next("loans", {});  // drains, so that memory is used again and again
      while (next.Read(milliseconds(0))) {
      }
    }
  }
  std::set<std::string> texts;
  for (const qds::Loan& loan : loans) texts.emplace(reinterpret_cast<const char*>(loan.data()), static_cast<size_t>(loan.length()));
  CHECK(texts.size() == 10 && texts.count("0") == 1 && texts.count("19") == 1);
}

TEST(AFullChannelRefusesInTimeAndAHeldMessageBlocksOnlyItsRoom) {
  qds::Writer writer("full", Small());
  qds::Reader reader("full");
  std::vector<uint8_t> bytes(static_cast<size_t>(writer.max_message_length()), 7);
  const int64_t most = writer.max_message_length();
  CHECK(writer.Write(bytes.data(), most));
  auto held = reader.Read();
  CHECK(writer.Write(bytes.data(), most, milliseconds(0)));  // QDS1-PUB-09
  CHECK(!writer.Write(bytes.data(), most, milliseconds(20)));
  CHECK(ReasonOf([&] { writer.TryClaim(most + 1); }) == qds::Reason::kMessageTooLarge);
  held.reset();
  CHECK(writer.Write(bytes.data(), most, milliseconds(0)));
}

TEST(AClaimThatIsGivenUpPublishesNothing) {
  qds::Writer writer("abort", Small());
  qds::Reader reader("abort");
  {
    qds::Claim claim = writer.AwaitClaim(100);
    std::memset(claim.data(), 1, 100);
  }
  WritePayload(writer);
  CHECK(Is(*reader.Read(), 0));
}

TEST(AReaderThatWaitsWhileItHoldsIsNamed) {
  qds::Writer writer("stall", Small());
  Child child([](int pipe) {
    qds::Reader reader("stall");
    Tell(pipe);
    const auto first = reader.Read();
    const auto second = reader.Read();
    Tell(pipe);
    reader.Read();
  });
  child.AwaitSignal();
  std::vector<uint8_t> bytes(static_cast<size_t>(writer.max_message_length()));
  for (int i = 0; i < 2; ++i) CHECK(writer.Write(bytes.data(), writer.max_message_length()));
  child.AwaitSignal();
  CHECK(ReasonOf([&] { writer.Write(bytes.data(), writer.max_message_length()); }) == qds::Reason::kReaderHoldsLoans);
}

TEST(ObserversSkipCountExactlyAndKeepWhatTheyHold) {
  qds::WriterOptions options = Small();
  options.overflow = qds::Overflow::kDropOldest;
  options.checksums = true;
  qds::Writer writer("drop", options);
  CHECK(ReasonOf([] { qds::Reader lossless("drop"); }) == qds::Reason::kUnsupported);
  qds::ReaderOptions observe;
  observe.mode = qds::Mode::kObserver;
  qds::Reader observer("drop", observe);
  WritePayload(writer);
  WritePayload(writer);
  CHECK(Is(*observer.Read(), 0));
  const auto held = observer.Read();
  for (int i = 0; i < 1000; ++i) WritePayload(writer);
  CHECK(Is(*held, 1));
  int64_t read = 2;
  while (const auto loan = observer.Read(milliseconds(0))) {
    CHECK(Is(*loan, loan->sequence()));
    ++read;
  }
  CHECK(observer.lost_count() > 0 && read + observer.lost_count() == 1002);
}

TEST(AnObserverIsLappedByAProcessAndSeesNothingTorn) {
  qds::WriterOptions options = Small();
  options.overflow = qds::Overflow::kDropOldest;
  qds::ReaderOptions observe;
  observe.mode = qds::Mode::kObserver;
  observe.open_timeout = seconds(30);
  Child child([&options](int) {
    qds::Writer writer("lapped", options);
    for (int64_t s = 0; s < 30000; ++s) WritePayload(writer);
    CHECK(writer.Write("", 0));
  });
  qds::Reader observer("lapped", observe);
  int64_t seen = observer.next();  // the oldest there was when it came
  std::deque<qds::Loan> held;
  while (auto loan = observer.Read()) {
    ++seen;
    if (loan->sequence() < 30000) CHECK(Is(*loan, loan->sequence()));
    held.push_back(std::move(*loan));
    if (held.size() > 3) {
      if (held.front().sequence() < 30000) CHECK(Is(held.front(), held.front().sequence()));
      held.pop_front();
    }
  }
  CHECK(seen + observer.lost_count() == 30001 && child.Join() == 0);
}

TEST(AKilledReaderIsEvicted) {
  qds::Writer writer("evict", Small());
  Child child([](int pipe) {
    qds::Reader reader("evict");
    Tell(pipe);
    const auto loan = reader.Read();
    Tell(pipe);
    SleepUntilKilled();
  });
  child.AwaitSignal();
  WritePayload(writer);
  child.AwaitSignal();
  while (writer.Write("x", 1, milliseconds(150))) {  // until it stops the writer
  }
  child.Kill();
  qds::ReaderOptions late;
  late.start = qds::ReaderOptions::Start::kLatest;
  qds::Reader next("evict", late);
  // The entry of the dead one is freed, and what it did not release is overwritten once another has read on.
  for (int i = 0; i < 50; ++i) {
    CHECK(writer.Write("y", 1, seconds(30)));
    CHECK(next.Read()->length() == 1);
  }
}

TEST(AKilledWriterIsReportedAndSucceeded) {
  Child child([](int pipe) {
    qds::Writer writer("killed", Small());
    for (int i = 0; i < 5; ++i) WritePayload(writer);
    const qds::Claim unfinished = writer.AwaitClaim(100);
    Tell(pipe);
    SleepUntilKilled();
  });
  child.AwaitSignal();
  CHECK(ReasonOf([] { qds::Writer second("killed", Small()); }) == qds::Reason::kSecondWriter);
  qds::Reader reader("killed");
  const auto first = reader.Read();
  child.Kill();
  for (int64_t s = 1; s < 5; ++s) CHECK(Is(*reader.Read(), s));
  CHECK(ReasonOf([&] { reader.Read(); }) == qds::Reason::kWriterDied);
  qds::Writer successor("killed", Small());
  CHECK(successor.next() == 5);
  for (int64_t s = 5; s < 500; ++s) {
    const bool room = successor.Write(Payload(s).data(), static_cast<int64_t>(Payload(s).size()), milliseconds(0));
    if (!room) break;
    CHECK(Is(*reader.Read(), s));
  }
  CHECK(Is(*first, 0));  // held all the while
}

TEST(KilledAgainAndAgainNothingIsMissed) {
  // Writers are killed at random moments; each successor goes on where its predecessor stopped.
  std::mt19937 random(20261122);
  std::optional<qds::Reader> reader;
  int64_t expected = 0;
  for (int round = 0; round < 30; ++round) {
    Child child([](int pipe) {
      qds::Writer writer("again", Small());
      Tell(pipe);
      for (;;) WritePayload(writer);
    });
    child.AwaitSignal();
    if (!reader) {
      qds::ReaderOptions options;
      options.wait_for_successor = true;
      reader.emplace("again", options);
    }
    for (int64_t more = static_cast<int64_t>(random() % 300); more > 0; --more) {
      const auto loan = reader->Read();
      CHECK(loan && Is(*loan, expected));
      ++expected;
    }
    child.Kill();
  }
  qds::Writer last("again", Small());
  CHECK(last.next() >= expected);
  while (expected < last.next()) {
    const auto loan = reader->Read();
    CHECK(loan && Is(*loan, expected));
    ++expected;
  }
}

TEST(AForkedChildKeepsNoLockAndIsRefused) {
  std::optional<qds::Writer> writer(std::in_place, "fork", Small());
  WritePayload(*writer);
  Child child([&writer](int pipe) {
    try {
      WritePayload(*writer);
    } catch (const qds::Error& e) {
      if (e.reason() == qds::Reason::kClosed) Tell(pipe);
    }
    writer.reset();
    SleepUntilKilled();
  });
  child.AwaitSignal();
  WritePayload(*writer);
  writer.reset();
  qds::Writer next("fork", Small());
  CHECK(next.next() == 2);
}

TEST(AForkedChildDoesNotKeepItsDeadParentsLock) {
  int life[2];  // what the grandchild waits for: its end is the end of this test
  CHECK(pipe(life) == 0);
  Child child([&life](int pipe) {
    close(life[1]);
    qds::Writer writer("orphan", Small());
    WritePayload(writer);
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      char byte;
      _exit(static_cast<int>(read(life[0], &byte, 1)));
    }
    Tell(pipe);
    SleepUntilKilled();
  });
  child.AwaitSignal();
  child.Kill();
  const qds::Reason second = ReasonOf([] {
    qds::Writer writer("orphan", Small());
    CHECK(writer.next() == 1);
    throw qds::Error(qds::Reason::kInvalid, "there was no other writer");
  });
  close(life[0]);
  close(life[1]);
  CHECK(second == qds::Reason::kInvalid);
}

TEST(WhatADeadCreatorLeftIsSwept) {
  const std::string left = std::string(std::getenv("QDS_DIR")) + "/.sweep.qds0123abcd.tmp";
  { std::ofstream(left) << "half a header"; }
  qds::Writer writer("sweep", Small());
  CHECK(access(left.c_str(), F_OK) != 0);
}

TEST(DamagedHeadersAreNamedAndCopiesAreNoChannels) {
  qds::Writer writer("damage", Small());
  WritePayload(writer);
  std::ifstream in(PathOf("damage"), std::ios::binary);
  const std::string image((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto store = [&image](size_t at, uint8_t value, bool seal) {
    std::string bytes = image;
    bytes[at] = static_cast<char>(value);
    if (seal) {
      const uint32_t crc = qds::detail::Crc32c(bytes.data(), 508);
      std::memcpy(&bytes[508], &crc, 4);
    }
    std::ofstream(PathOf("bad"), std::ios::binary) << bytes;
  };
  const auto open = [] { qds::Reader reader("bad"); };
  store(0, 'X', false);
  CHECK(ReasonOf(open) == qds::Reason::kCorrupt);
  store(12, 2, false);
  CHECK(ReasonOf(open) == qds::Reason::kUnsupported);
  store(104, 1, false);
  CHECK(ReasonOf(open) == qds::Reason::kCorrupt);
  store(16, 1, true);
  CHECK(ReasonOf(open) == qds::Reason::kUnsupported);
  store(96, 17, true);
  CHECK(ReasonOf(open) == qds::Reason::kCorrupt);
  for (size_t at : {40, 44, 48, 55, 56, 62, 64, 70, 72, 78, 80, 86, 88, 94, 100, 108, 118, 176}) {
    store(at, 0x85, true);
    CHECK(ReasonOf(open) == qds::Reason::kCorrupt);
  }
  store(8, 0x0D, false);  // as it was
  CHECK(ReasonOf(open) == qds::Reason::kNoSuchChannel);
  qds::Writer anew("bad", Small());
  CHECK(anew.next() == 0);
}

TEST(ADamagedMessageIsReportedAndPassedOver) {
  qds::WriterOptions options = Small();
  options.checksums = true;
  qds::Writer writer("flip", options);
  qds::Reader reader("flip");
  for (int i = 0; i < 3; ++i) CHECK(writer.Write("0123456789", 10));
  {
    std::fstream file(PathOf("flip"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(65536 + 64);  // the payload of message 1
    file.put('!');
    file.seekp(4096 + 4 * 256 + 2 * 64 + 8);  // the offset of message 2
    file.put(1);
  }
  CHECK(reader.Read()->sequence() == 0);
  CHECK(ReasonOf([&] { reader.Read(); }) == qds::Reason::kCorrupt);
  CHECK(ReasonOf([&] { reader.Read(); }) == qds::Reason::kCorrupt);
  CHECK(writer.Write("0123456789", 10));
  CHECK(reader.Read()->sequence() == 3);
}

TEST(BothEndsAreToldThatTheChannelWasRemoved) {
  qds::Writer writer("removed", Small());
  qds::Reader reader("removed");
  WritePayload(writer);
  {
    std::fstream file(PathOf("removed"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1536);
    file.put(1);
  }
  CHECK(ReasonOf([&] { writer.TryClaim(1); }) == qds::Reason::kRemoved);
  CHECK(Is(*reader.Read(), 0));
  CHECK(ReasonOf([&] { reader.Read(); }) == qds::Reason::kRemoved);
}

TEST(AChannelThatFindsNoRoomIsNotCreated) {
  const auto create = [] {
    qds::WriterOptions options;
    options.segment_length = int64_t{1} << 38;
    qds::Writer writer("room", options);
  };
  CHECK(ReasonOf(create) == qds::Reason::kDirectoryFull);
  struct rlimit whole {};
  CHECK(getrlimit(RLIMIT_FSIZE, &whole) == 0);
  const struct rlimit little {1 << 20, whole.rlim_max};
  CHECK(setrlimit(RLIMIT_FSIZE, &little) == 0);
  const qds::Reason reason = ReasonOf([] { qds::Writer writer("room"); });
  CHECK(setrlimit(RLIMIT_FSIZE, &whole) == 0);
  CHECK(reason == qds::Reason::kDirectoryFull && !Exists("room"));
}

TEST(TheTightestLimitOfTheControlGroupsCounts) {
  const std::string root = std::string(std::getenv("QDS_DIR")) + "/groups";
  const auto store = [](const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  };
  store(root + "/self", "0::/a/b\n");
  store(root + "/memory.max", "max\n");
  store(root + "/memory.current", "5000\n");
  store(root + "/a/memory.max", "1000\n");
  store(root + "/a/memory.current", "900\n");
  store(root + "/a/memory.stat", "anon 600\nactive_file 100\ninactive_file 50\nshmem 10\n");
  store(root + "/a/b/memory.max", "2000\n");
  store(root + "/a/b/memory.current", "100\n");
  const auto found = qds::detail::TightestMemoryLimit(root + "/self", root);
  CHECK(found.group == root + "/a" && found.left == 250);
  store(root + "/self", "4:memory:/c\n1:name=systemd:/x\n");
  store(root + "/memory/memory.limit_in_bytes", "700\n");  // /c is outside of this container
  store(root + "/memory/memory.usage_in_bytes", "800\n");
  CHECK(qds::detail::TightestMemoryLimit(root + "/self", root).left == 0);
}

TEST(WhatAReaderHoldsWhileItWaitsIsNoLongerUnread) {
  qds::WriterOptions options = Small();
  options.max_unread_count = 1;
  qds::Writer writer("unread", options);
  Child child([](int pipe) {
    qds::Reader reader("unread");
    Tell(pipe);
    const auto first = reader.Read();
    const auto second = reader.Read();
    CHECK(Is(*first, 0) && Is(*second, 1));
    Tell(pipe);
    SleepUntilKilled();
  });
  child.AwaitSignal();
  WritePayload(writer);
  WritePayload(writer);  // the reader holds the first, and waits
  child.AwaitSignal();
  CHECK(!writer.Write("x", 1, milliseconds(20)));  // nobody waits for a third
}

TEST(BadNamesAreRefused) {
  for (const char* name : {"", "../x", ".x", "a/b", "a b"}) {
    CHECK(ReasonOf([&] { qds::Reader reader(name); }) == qds::Reason::kInvalid);
  }
  CHECK(ReasonOf([] { qds::Reader reader("nobody"); }) == qds::Reason::kNoSuchChannel);
}
