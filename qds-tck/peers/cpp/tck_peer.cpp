// The peer program: the compatibility kit drives qds.hpp and qds_arrow.hpp through it, by the peer protocol
// (peer-protocol.md): one JSON object a line on standard input, one on standard output.
//   tck_peer                          speaks the protocol
//   tck_peer demo DIRECTORY CHANNEL   prints the tables that arrive
#include <arrow/io/file.h>
#include <arrow/pretty_print.h>
#include <signal.h>

#include <iostream>

#include "qds_arrow.hpp"
#include "qds_raw.hpp"
#include "tck_raw.hpp"

namespace {

/// A failure of a request that is none of the library's: its kind stands in the protocol.
struct Failure {
  const char* kind;
  std::string message;
};

// ---- JSON, as far as the protocol needs it: requests are flat objects, answers nearly so

class Request {
 public:
  explicit Request(const std::string& line) : text_(line) {
    Expect('{');
    for (bool first = true; !Skips('}'); first = false) {
      if (!first) Expect(',');
      std::string key = String();
      Expect(':');
      members_[std::move(key)] = Any();
    }
    Blank();
    if (at_ != text_.size()) Fail();
  }

  bool Has(const std::string& key) const { return members_.count(key) != 0; }
  std::string Text(const std::string& key) const {
    const auto found = members_.find(key);
    if (found == members_.end()) throw Failure{"FAILED", "the request has no member " + key};
    return found->second;
  }
  std::string Text(const std::string& key, const char* otherwise) const { return Has(key) ? Text(key) : otherwise; }
  int64_t Number(const std::string& key) const {
    const std::string text = Text(key);
    char* end = nullptr;
    errno = 0;
    const int64_t number = std::strtoll(text.c_str(), &end, 10);
    if (end == text.c_str() || *end != 0 || errno != 0) {
      throw Failure{"FAILED", key + " is " + text + ", allowed are whole numbers of 64 bits"};
    }
    return number;
  }
  int64_t Number(const std::string& key, int64_t otherwise) const { return Has(key) ? Number(key) : otherwise; }
  bool Flag(const std::string& key) const { return Has(key) && Text(key) == "true"; }

 private:
  [[noreturn]] void Fail() const {
    throw Failure{"FAILED", "the request is no JSON object, at byte " + std::to_string(at_)};
  }
  void Blank() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) != nullptr) ++at_;
  }
  bool Skips(char c) {
    Blank();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void Expect(char c) {
    if (!Skips(c)) Fail();
  }

  /// Any value: a string without its quotes, what else as it stands. Nested ones are passed over.
  std::string Any() {
    Blank();
    const size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '"') return String();
    if (Skips('{') || Skips('[')) {
      for (int depth = 1; depth > 0;) {
        Blank();
        if (at_ == text_.size()) Fail();
        if (text_[at_] == '"') {
          String();
          continue;
        }
        const char c = text_[at_++];
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      }
    } else {
      while (at_ < text_.size() && std::strchr(",}] \t\r\n", text_[at_]) == nullptr) ++at_;
      if (at_ == begin) Fail();
    }
    return text_.substr(begin, at_ - begin);
  }

  std::string String() {
    Expect('"');
    std::string out;
    for (;;) {
      if (at_ >= text_.size()) Fail();
      const char c = text_[at_++];
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ >= text_.size()) Fail();
      const char escape = text_[at_++];
      const char* const place = std::strchr("bfnrt", escape);
      if (escape == 'u') {
        uint32_t code = Hex4();
        if (code >= 0xD800 && code < 0xDC00 && text_.compare(at_, 2, "\\u") == 0) {
          at_ += 2;
          code = 0x10000 + ((code - 0xD800) << 10) + (Hex4() - 0xDC00);
        }
        AppendUtf8(out, code);
      } else {
        out += place != nullptr ? "\b\f\n\r\t"[place - "bfnrt"] : escape;
      }
    }
  }
  uint32_t Hex4() {
    if (at_ + 4 > text_.size()) Fail();
    const std::string digits = text_.substr(at_, 4);
    at_ += 4;
    char* end = nullptr;
    const auto code = static_cast<uint32_t>(std::strtoul(digits.c_str(), &end, 16));
    if (*end != 0) Fail();
    return code;
  }
  static void AppendUtf8(std::string& out, uint32_t code) {
    const auto add = [&out](uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xC0 | code >> 6);
      add(0x80 | (code & 0x3F));
    } else {
      if (code < 0x10000) {
        add(0xE0 | code >> 12);
      } else {
        add(0xF0 | code >> 18);
        add(0x80 | (code >> 12 & 0x3F));
      }
      add(0x80 | (code >> 6 & 0x3F));
      add(0x80 | (code & 0x3F));
    }
  }

  const std::string text_;
  size_t at_ = 0;
  std::map<std::string, std::string> members_;
};

std::string QuotedJson(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    } else {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    }
  }
  return out + '"';
}

class Answer {
 public:
  Answer& Json(const std::string& key, const std::string& json) {
    text_ += (text_.empty() ? "" : ",") + QuotedJson(key) + ":" + json;
    return *this;
  }
  Answer& Add(const std::string& key, const std::string& value) { return Json(key, QuotedJson(value)); }
  Answer& Add(const std::string& key, int64_t value) { return Json(key, std::to_string(value)); }
  std::string ToString() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

Answer TimedOut() { return Answer().Json("timeout", "true"); }
Answer Failed(const char* kind, const std::string& message) {
  return Answer().Add("error", kind).Add("message", message);
}

const char* KindOf(qds::Reason reason) {
  switch (reason) {
    case qds::Reason::kNoSuchChannel: return "NO_SUCH_CHANNEL";
    case qds::Reason::kGeometryDiffers: return "GEOMETRY_DIFFERS";
    case qds::Reason::kCodecDiffers: return "CODEC_DIFFERS";
    case qds::Reason::kUnsupported: return "UNSUPPORTED";
    case qds::Reason::kSecondWriter: return "SECOND_WRITER";
    case qds::Reason::kReaderTableFull: return "READER_TABLE_FULL";
    case qds::Reason::kInUse: return "IN_USE";
    case qds::Reason::kMessageTooLarge: return "MESSAGE_TOO_LARGE";
    case qds::Reason::kNoRoom: return "NO_ROOM";
    case qds::Reason::kReaderHoldsLoans: return "READER_HOLDS_LOANS";
    case qds::Reason::kSequenceGone: return "SEQUENCE_GONE";
    case qds::Reason::kWriterDied: return "WRITER_DIED";
    case qds::Reason::kReplaced: return "REPLACED";
    case qds::Reason::kEvicted: return "EVICTED";
    case qds::Reason::kLockLost: return "LOCK_LOST";
    case qds::Reason::kRemoved: return "REMOVED";
    case qds::Reason::kCorrupt: return "CORRUPT";
    case qds::Reason::kDirectoryFull: return "DIRECTORY_FULL";
    case qds::Reason::kPermission: return "PERMISSION";
    case qds::Reason::kInvalid:
    case qds::Reason::kClosed:
    case qds::Reason::kSystem: break;
  }
  return "FAILED";
}

// ---- Payloads

uint64_t WordOf(int64_t seed, int64_t sequence) {
  uint64_t z = static_cast<uint64_t>(seed) + (static_cast<uint64_t>(sequence) + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void Fill(uint8_t* to, int64_t length, uint64_t word) {
  for (int64_t at = 0; at < length; at += 8) {
    std::memcpy(to + at, &word, static_cast<size_t>(std::min<int64_t>(8, length - at)));
  }
}

void CheckPattern(const std::string& channel, const qds::Loan& loan, int64_t seed) {
  const uint64_t word = WordOf(seed, loan.sequence());
  for (int64_t at = 0; at < loan.length(); at += 8) {
    if (std::memcmp(loan.data() + at, &word, static_cast<size_t>(std::min<int64_t>(8, loan.length() - at))) != 0) {
      throw Failure{"CONTENT", "channel '" + channel + "': message " + std::to_string(loan.sequence()) + " of " + std::to_string(loan.length()) +
                                   " bytes holds another value at byte " + std::to_string(at) + " or just behind"};
    }
  }
}

void Ok(const arrow::Status& status) {
  if (!status.ok()) throw Failure{"FAILED", status.ToString()};
}
template <typename T>
T Value(arrow::Result<T> result) {
  Ok(result.status());
  return std::move(result).ValueUnsafe();
}

std::shared_ptr<arrow::Buffer> Contents(const std::string& path) {
  const auto file = Value(arrow::io::ReadableFile::Open(path));
  return Value(file->Read(Value(file->GetSize())));
}

std::shared_ptr<arrow::Table> TableIn(const std::string& path) {
  const auto stream = Value(arrow::ipc::RecordBatchStreamReader::Open(Value(arrow::io::ReadableFile::Open(path))));
  return Value(stream->ToTable());
}

// ---- The protocol

class Peer {
 public:
  Answer Handle(const Request& request) {
    using Operation = Answer (Peer::*)(const Request&);
    static const std::map<std::string, Operation> operations = {
        {"hello", &Peer::Hello},   {"create", &Peer::Create}, {"attach", &Peer::Attach},   {"write", &Peer::Write},
        {"claim", &Peer::Claim},   {"commit", &Peer::Commit}, {"abort", &Peer::Abort},     {"read", &Peer::Read},
        {"hold", &Peer::Hold},     {"check", &Peer::Check},   {"release", &Peer::Release}, {"send", &Peer::Send},
        {"drain", &Peer::Drain},   {"ping", &Peer::Ping},     {"pong", &Peer::Pong},       {"close", &Peer::Close},
        {"die", &Peer::Die}};
    const auto found = operations.find(request.Text("op"));
    if (found == operations.end()) throw Failure{"UNSUPPORTED", "op is " + request.Text("op")};
    return (this->*found->second)(request);
  }

 private:
  struct WriterEnd {
    std::unique_ptr<qds::Writer> writer;
    bool tables;
    bool batches;
    std::optional<qds::Claim> claim;  // behind the writer, so that it ends first
  };
  struct ReaderEnd {
    std::unique_ptr<qds::Reader> reader;
    bool tables;
    bool batches;
    qds::ReadOptions options;
    int64_t lost_told = 0;
  };
  /// Bytes for `seed`; for `file` a table or a batch, which holds the loan itself.
  struct Message {
    std::string channel;
    std::optional<qds::Loan> loan;
    std::shared_ptr<arrow::Table> table;
    std::optional<qds::RawBatch> batch;
  };

  template <typename Ends>
  static auto& Find(Ends& ends, const Request& request, const char* member) {
    const auto found = ends.find(request.Text(member));
    if (found == ends.end()) throw Failure{"FAILED", std::string("there is no ") + member + " " + request.Text(member)};
    return found->second;
  }
  template <typename Ends>
  static void RequireNew(const Ends& ends, const Request& request, const char* member) {
    if (ends.count(request.Text(member)) != 0) {
      throw Failure{"FAILED", std::string("there is a ") + member + " " + request.Text(member) + " already"};
    }
  }
  static qds::Duration Timeout(const Request& request, int64_t otherwise = 10000) {
    const int64_t ms = request.Number("timeoutMs", otherwise);
    return ms < 0 ? qds::kForever : qds::Duration(std::chrono::milliseconds(ms));
  }

  Answer Hello(const Request&) {
    return Answer()
        .Add("protocol", 1)
        .Add("language", "cpp")
        .Add("implementation", std::string("qds.hpp ") + qds::kVersion)
        .Json("libraries", Answer().Add("arrow", arrow::GetBuildInfo().version_string).ToString())
        .Add("pid", getpid())
        .Json("capabilities",
              R"(["write","read","observe","claim","hold","checksums","drop-oldest","arrow-ipc","raw1","validate","futex","ping"])");
  }

  Answer Create(const Request& request) {
    RequireNew(writers_, request, "writer");
    const bool drops = request.Text("overflowPolicy", "BLOCK") == "DROP_OLDEST";
    qds::WriterOptions options;
    options.directory = request.Text("directory");
    options.codec = request.Text("codec", "bytes");
    options.label = request.Text("label", "");
    if (request.Has("retainCount")) options.retain_count = static_cast<int32_t>(request.Number("retainCount"));
    if (request.Has("slotCount")) options.slot_count = static_cast<int32_t>(request.Number("slotCount"));
    if (request.Has("arenaLength")) options.arena_length = request.Number("arenaLength");
    if (request.Has("readerEntryCount")) {
      options.reader_entry_count = static_cast<int32_t>(request.Number("readerEntryCount"));
    }
    if (request.Has("overflowPolicy")) options.overflow = drops ? qds::Overflow::kDropOldest : qds::Overflow::kBlock;
    if (request.Has("checksums")) options.checksums = request.Flag("checksums");
    WriterEnd end{nullptr, options.codec == qds::kArrowCodec, options.codec == qds::kRawCodec, std::nullopt};
    qds::WriterOptions for_new = options;  // the protocol's defaults: no demand on a channel that is there
    if (!for_new.slot_count) for_new.slot_count = 64;
    if (!for_new.arena_length) for_new.arena_length = 1048576;
    if (!for_new.reader_entry_count) for_new.reader_entry_count = 8;
    try {
      end.writer = std::make_unique<qds::Writer>(request.Text("channel"), for_new);
    } catch (const qds::Error& e) {
      if (e.reason() != qds::Reason::kGeometryDiffers) throw;
      end.writer = std::make_unique<qds::Writer>(request.Text("channel"), options);
    }
    const int64_t next = end.writer->next();
    writers_.emplace(request.Text("writer"), std::move(end));
    return Answer().Add("sequence", next);
  }

  Answer Attach(const Request& request) {
    RequireNew(readers_, request, "reader");
    qds::ReaderOptions options;
    options.directory = request.Text("directory");
    options.codec = request.Text("codec", "bytes");
    options.label = request.Text("label", "");
    options.mode = request.Text("mode", "LOSSLESS") == "OBSERVER" ? qds::Mode::kObserver : qds::Mode::kLossless;
    options.wait_for_successor = request.Flag("waitForSuccessor");
    options.open_timeout = Timeout(request, 0);
    const std::string start = request.Text("start", "oldest");
    if (start == "latest") {
      options.start = qds::ReaderOptions::Start::kLatest;
    } else if (start != "oldest") {
      options.start = qds::ReaderOptions::Start::kSequence;
      options.sequence = request.Number("start");
      options.allow_gaps = false;
    }
    ReaderEnd end{std::make_unique<qds::Reader>(request.Text("channel"), options), options.codec == qds::kArrowCodec,
                  options.codec == qds::kRawCodec, {request.Flag("validate")}};
    const int64_t next = end.reader->next();
    readers_.emplace(request.Text("reader"), std::move(end));
    return Answer().Add("sequence", next);
  }

  Answer Write(const Request& request) {
    WriterEnd& end = Find(writers_, request, "writer");
    qds::Writer& writer = *end.writer;
    const int64_t tag = request.Number("tag", 0);
    const int64_t sequence = writer.next();
    bool written;
    if (!request.Has("file")) {
      written = WritePattern(writer, request.Number("length"), request.Number("seed"), Timeout(request), tag);
    } else if (end.tables) {
      written = qds::WriteTable(writer, *TableIn(request.Text("file")), Timeout(request), tag);
    } else if (end.batches) {
      written = qds::WriteRaw(writer, ParseRaw(Contents(request.Text("file"))->ToString()), Timeout(request), tag);
    } else {
      const auto bytes = Contents(request.Text("file"));
      written = writer.Write(bytes->data(), bytes->size(), Timeout(request), tag);
    }
    return written ? Answer().Add("sequence", sequence) : TimedOut();
  }

  static bool WritePattern(qds::Writer& writer, int64_t length, int64_t seed, qds::Duration timeout, int64_t tag = 0) {
    std::optional<qds::Claim> claim = writer.TryClaim(length, timeout);
    if (!claim) return false;
    Fill(claim->data(), length, WordOf(seed, writer.next()));
    claim->Commit(length, tag);
    return true;
  }

  Answer Claim(const Request& request) {
    WriterEnd& end = Find(writers_, request, "writer");
    const int64_t length = request.Number("length");
    const int64_t seed = request.Number("seed");
    std::optional<qds::Claim> claim = end.writer->TryClaim(length, Timeout(request));
    if (!claim) return TimedOut();
    Fill(claim->data(), length, WordOf(seed, end.writer->next()));
    end.claim.emplace(std::move(*claim));
    return Answer();
  }
  static qds::Claim& ClaimOf(WriterEnd& end) {
    if (!end.claim) throw Failure{"FAILED", "channel '" + end.writer->name() + "': its writer has no open claim"};
    return *end.claim;
  }
  Answer Commit(const Request& request) {
    WriterEnd& end = Find(writers_, request, "writer");
    const int64_t sequence = end.writer->next();
    ClaimOf(end).Commit(ClaimOf(end).length(), request.Number("tag", 0));
    end.claim.reset();
    return Answer().Add("sequence", sequence);
  }
  Answer Abort(const Request& request) {
    WriterEnd& end = Find(writers_, request, "writer");
    ClaimOf(end);
    end.claim.reset();
    return Answer();
  }

  Answer Read(const Request& request) { return Receive(request, nullptr); }
  Answer Hold(const Request& request) {
    RequireNew(messages_, request, "message");
    Message message;
    const Answer answer = Receive(request, &message);
    if (message.loan || message.table || message.batch) messages_.emplace(request.Text("message"), std::move(message));
    return answer;
  }

  Answer Receive(const Request& request, Message* held) {
    ReaderEnd& end = Find(readers_, request, "reader");
    std::optional<qds::Loan> loan = end.reader->Read(Timeout(request));
    if (!loan) return end.reader->at_end() ? Answer().Add("end", "CLOSED") : TimedOut();
    const int64_t lost = end.reader->lost_count() - end.lost_told;
    end.lost_told += lost;
    const Answer answer = Answer()
                              .Add("sequence", loan->sequence())
                              .Add("length", loan->length())
                              .Add("tag", loan->tag())
                              .Add("lost", lost);
    Message message;
    message.channel = end.reader->name();
    if (request.Has("seed")) CheckPattern(message.channel, *loan, request.Number("seed"));
    if (end.tables && !request.Has("seed")) {
      message.table = qds::ToTable(std::move(*loan), *end.reader, end.options);
    } else if (end.batches && !request.Has("seed")) {
      const bool in_full = end.options.validate_in_full || end.reader->copies();
      message.batch = qds::RawBatch::Of(std::move(*loan), message.channel, in_full);
    } else {
      message.loan.emplace(std::move(*loan));
    }
    if (request.Has("file")) Save(message, request.Text("file"));
    if (held != nullptr) *held = std::move(message);
    return answer;
  }

  static void Save(const Message& message, const std::string& path) {
    const auto file = Value(arrow::io::FileOutputStream::Open(path));
    if (message.table) {
      const auto stream = Value(arrow::ipc::MakeStreamWriter(file, message.table->schema()));
      Ok(stream->WriteTable(*message.table));
      Ok(stream->Close());
    } else if (message.batch) {
      Ok(file->Write(RawText(*message.batch)));
    } else {
      Ok(file->Write(message.loan->data(), message.loan->length()));
    }
    Ok(file->Close());
  }

  Answer Check(const Request& request) {
    const Message& message = Find(messages_, request, "message");
    if (request.Has("file")) {
      Save(message, request.Text("file"));
    } else if (message.loan) {
      CheckPattern(message.channel, *message.loan, request.Number("seed"));
    } else {
      throw Failure{"FAILED", "the message was taken as a table or batch, without a seed"};
    }
    return Answer();
  }
  Answer Release(const Request& request) {
    Find(messages_, request, "message");
    messages_.erase(request.Text("message"));
    return Answer();
  }

  Answer Send(const Request& request) {
    qds::Writer& writer = *Find(writers_, request, "writer").writer;
    const int64_t count = request.Number("count");
    const int64_t seed = request.Number("seed");
    const int64_t least = request.Number("minLength");
    const auto lengths = static_cast<uint64_t>(request.Number("maxLength") - least + 1);
    if (lengths == 0) throw Failure{"FAILED", "maxLength is less than minLength"};
    int64_t sent = 0;
    for (; sent < count; ++sent) {
      const int64_t length = least + static_cast<int64_t>((WordOf(seed, writer.next()) >> 1) % lengths);
      if (!WritePattern(writer, length, seed, Timeout(request))) break;
    }
    Answer answer = Answer().Add("count", sent).Add("sequence", sent == 0 ? -1 : writer.next() - 1);
    return sent < count ? answer.Json("timeout", "true") : answer;
  }

  Answer Drain(const Request& request) {
    ReaderEnd& end = Find(readers_, request, "reader");
    qds::Reader& reader = *end.reader;
    const int64_t seed = request.Number("seed");
    const int64_t most = request.Number("count", INT64_MAX);
    const int64_t lost_before = end.lost_told;
    int64_t count = 0;
    int64_t first = -1;
    int64_t last = -1;
    std::string why;
    while (count < most && why.empty()) {
      const int64_t due_before_losses = reader.next() - reader.lost_count();
      try {
        const std::optional<qds::Loan> loan = reader.Read(Timeout(request));
        if (!loan) {
          if (reader.at_end()) why = "CLOSED";
          break;
        }
        const int64_t due = due_before_losses + reader.lost_count();
        if (loan->sequence() != due) {
          throw Failure{"CONTENT", "channel '" + reader.name() + "': message " + std::to_string(loan->sequence()) +
                                       " came, " + std::to_string(due) + " was due"};
        }
        CheckPattern(reader.name(), *loan, seed);
        last = loan->sequence();
        if (count++ == 0) first = last;
      } catch (const qds::Error& e) {
        if (e.reason() != qds::Reason::kWriterDied && e.reason() != qds::Reason::kRemoved &&
            e.reason() != qds::Reason::kEvicted) {
          throw;
        }
        why = KindOf(e.reason());
      }
    }
    end.lost_told = reader.lost_count();
    Answer answer = Answer()
                        .Add("count", count)
                        .Add("lost", end.lost_told - lost_before)
                        .Add("first", first)
                        .Add("last", last);
    return why.empty() ? answer : answer.Add("end", why);
  }

  void Pause(const Request& request) {
    const int64_t most = request.Number("maxPauseUs", 0);
    if (most > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int64_t>(0, most)(random_)));
    }
  }
  static void WriteBall(qds::Writer& writer, const Request& request) {
    if (!WritePattern(writer, 64, request.Number("seed"), Timeout(request))) {
      throw Failure{"FAILED", "channel '" + writer.name() + "': no room in time"};
    }
  }
  static void ReadBall(qds::Reader& reader, const Request& request) {
    const std::optional<qds::Loan> loan = reader.Read(Timeout(request));
    if (!loan) {
      throw Failure{"FAILED", "channel '" + reader.name() + "': " + (reader.at_end() ? "it ended" : "no message in time")};
    }
    CheckPattern(reader.name(), *loan, request.Number("seed"));
  }
  Answer Ping(const Request& request) {
    qds::Writer& writer = *Find(writers_, request, "writer").writer;
    qds::Reader& reader = *Find(readers_, request, "reader").reader;
    const int64_t count = request.Number("count");
    std::vector<int64_t> times;
    for (int64_t i = 0; i < count; ++i) {
      Pause(request);
      const int64_t begin = qds::detail::NowNs();
      WriteBall(writer, request);
      ReadBall(reader, request);
      times.push_back(qds::detail::NowNs() - begin);
    }
    std::sort(times.begin(), times.end());
    return Answer().Add("count", count).Add("medianNs", times.empty() ? 0 : times[times.size() / 2]);
  }
  Answer Pong(const Request& request) {
    qds::Writer& writer = *Find(writers_, request, "writer").writer;
    qds::Reader& reader = *Find(readers_, request, "reader").reader;
    const int64_t count = request.Number("count");
    for (int64_t i = 0; i < count; ++i) {
      ReadBall(reader, request);
      Pause(request);
      WriteBall(writer, request);
    }
    return Answer().Add("count", count);
  }

  Answer Close(const Request& request) {
    if (request.Has("writer")) {
      Find(writers_, request, "writer");
      writers_.erase(request.Text("writer"));
    } else {
      Find(readers_, request, "reader");
      readers_.erase(request.Text("reader"));
    }
    return Answer();
  }
  Answer Die(const Request&) {
    kill(getpid(), SIGKILL);
    return Answer();
  }

  std::map<std::string, WriterEnd> writers_;
  std::map<std::string, ReaderEnd> readers_;
  std::map<std::string, Message> messages_;
  std::mt19937_64 random_{std::random_device{}()};
};

int Serve() {
  // What libraries print goes to standard error: only answers may stand on standard output.
  FILE* const answers = fdopen(dup(STDOUT_FILENO), "w");
  if (answers == nullptr || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 2;
  Peer peer;
  for (std::string line; std::getline(std::cin, line);) {
    Answer answer;
    try {
      answer = peer.Handle(Request(line));
    } catch (const Failure& f) {
      answer = Failed(f.kind, f.message);
    } catch (const qds::Error& e) {
      answer = Failed(KindOf(e.reason()), e.what());
    } catch (const std::exception& e) {
      answer = Failed("FAILED", e.what());
    }
    std::fprintf(answers, "%s\n", answer.ToString().c_str());
    if (std::fflush(answers) != 0) break;  // nobody listens
  }
  return 0;
}

int Demo(const char* directory, const char* channel) {
  try {
    qds::ReaderOptions options;
    options.directory = directory;
    options.open_timeout = std::chrono::seconds(30);
    const auto reader = qds::SharedDataFrame::CreateReader(channel, options);
    arrow::PrettyPrintOptions style;
    style.window = 2;
    style.skip_new_lines = true;
    int64_t tables = 0;
    int64_t rows = 0;
    while (const auto table = reader->ReadTable()) {
      if (tables++ == 0) std::cout << "arrow::Table\n" << table->schema()->ToString() << "\n----\n";
      std::cout << table->num_rows() << " rows\n";
      for (int i = 0; i < table->num_columns(); ++i) {
        std::cout << "  " << table->field(i)->name() << ": ";
        Ok(arrow::PrettyPrint(*table->column(i), style, &std::cout));
        std::cout << "\n";
      }
      std::cout << std::flush;
      rows += table->num_rows();
    }
    std::cout << tables << " tables, " << rows << " rows" << std::endl;
    return 0;
  } catch (const qds::Error& e) {
    std::cerr << "tck_peer: " << e.what() << "\n";
  } catch (const Failure& f) {
    std::cerr << "tck_peer: " << f.message << "\n";
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) return Serve();
  if (argc == 4 && std::string(argv[1]) == "demo") return Demo(argv[2], argv[3]);
  std::cerr << "usage: tck_peer [demo DIRECTORY CHANNEL]\n";
  return 2;
}
