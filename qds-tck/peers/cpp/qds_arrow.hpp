// Arrow tables over channels of the layout qds1: the codec arrow-ipc.
//
//   auto writer = qds::SharedDataFrame::CreateWriter("trades");
//   writer->Write(*table);                                          // one copy, into the shared memory
//
//   auto reader = qds::CreateSharedDataFrame("trades");
//   while (std::shared_ptr<arrow::Table> table = reader->ReadTable()) use(*table);   // no copy
//
// What is read is a view of the shared memory. The message's memory goes back to the writer when the last buffer that
// refers to it is gone, wherever that is and whenever: also after the reader.
//
// Structure is checked always. In full (every offset, index, and text) if the channel's file belongs to another user
// or ReadOptions says so: one wild offset kills a process that trusts it. Names (ARROW-...) are rules of the
// specification of the codec. This header is C++17; recent versions of Arrow itself ask for C++20.
#pragma once

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>

#include "qds.hpp"

namespace qds {

inline constexpr const char* kArrowCodec = "arrow-ipc";

namespace detail {

/// A message's bytes, on loan until the last slice of this buffer is gone (ARROW-LIFE-01).
class LoanBuffer final : public arrow::Buffer {
 public:
  explicit LoanBuffer(Loan loan) : arrow::Buffer(loan.data(), loan.length()), loan_(std::move(loan)) {}

 private:
  const Loan loan_;
};

/// Cuts a payload into frames. Metadata is copied before anybody looks at it (ARROW-CHECK-01), bodies are not.
class FrameReader final : public arrow::ipc::MessageReader {
 public:
  explicit FrameReader(std::shared_ptr<arrow::Buffer> payload) : payload_(std::move(payload)) {}

  arrow::Result<std::unique_ptr<arrow::ipc::Message>> ReadNextMessage() override {
    // The end of the payload ends the stream, too (ARROW-READ-01).
    if (at_ == payload_->size()) return nullptr;
    ARROW_ASSIGN_OR_RAISE(int32_t length, ReadInt());
    if (length == -1) {  // the continuation marker, since Arrow 0.15
      ARROW_ASSIGN_OR_RAISE(length, ReadInt());
    }
    if (length == 0) {
      at_ = payload_->size();
      return nullptr;
    }
    if (length < 0 || length > kMaxMetadataLength || length > Left()) {
      return arrow::Status::Invalid("frame at byte ", at_, " has metadata of ", length, " bytes, allowed is 1 to ",
                                    std::min<int64_t>(kMaxMetadataLength, Left()));
    }
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> metadata, arrow::AllocateBuffer(length));
    std::memcpy(metadata->mutable_data(), payload_->data() + at_, static_cast<size_t>(length));
    at_ += length;
    ARROW_ASSIGN_OR_RAISE(const auto head, arrow::ipc::Message::Open(metadata, nullptr));
    const int64_t body_length = head->body_length();
    if (body_length < 0 || body_length > Left()) {
      return arrow::Status::Invalid("frame has a body of ", body_length, " bytes at byte ", at_,
                                    ", allowed is 0 to ", Left());
    }
    const arrow::ipc::MessageType type = head->type();
    const bool expected = seen_schema_ ? type == arrow::ipc::MessageType::DICTIONARY_BATCH ||
                                             type == arrow::ipc::MessageType::RECORD_BATCH
                                       : type == arrow::ipc::MessageType::SCHEMA;
    if (!expected) {  // ARROW-SHAPE-01, ARROW-READ-06
      return arrow::Status::Invalid("frame of type ", static_cast<int>(type),
                                    seen_schema_ ? ", allowed are dictionaries and batches" : ", allowed is a schema");
    }
    seen_schema_ = true;
    std::shared_ptr<arrow::Buffer> body = arrow::SliceBuffer(payload_, at_, body_length);
    at_ += body_length;
    return arrow::ipc::Message::Open(std::move(metadata), std::move(body));
  }

 private:
  static constexpr int64_t kMaxMetadataLength = int64_t{1} << 28;

  int64_t Left() const { return payload_->size() - at_; }

  arrow::Result<int32_t> ReadInt() {
    if (Left() < 4) return arrow::Status::Invalid("frame at byte ", at_, " is cut off after ", Left(), " bytes");
    int32_t value;
    std::memcpy(&value, payload_->data() + at_, sizeof value);
    at_ += 4;
    return value;
  }

  const std::shared_ptr<arrow::Buffer> payload_;
  int64_t at_ = 0;
  bool seen_schema_ = false;
};

/// The batches of one message.
inline arrow::Result<std::shared_ptr<arrow::Table>> ParseTable(std::shared_ptr<arrow::Buffer> payload, bool in_full) {
  arrow::ipc::IpcReadOptions options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;  // bodies are not decoded: there is nothing to share out
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;  // copies only what lies askew
  ARROW_ASSIGN_OR_RAISE(const auto stream, arrow::ipc::RecordBatchStreamReader::Open(
                                               std::make_unique<FrameReader>(std::move(payload)), options));
  arrow::RecordBatchVector batches;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(stream->ReadNext(&batch));
    if (!batch) break;
    ARROW_RETURN_NOT_OK(in_full ? batch->ValidateFull() : batch->Validate());
    batches.push_back(std::move(batch));
  }
  return arrow::Table::FromRecordBatches(stream->schema(), std::move(batches));
}

/// Writes the table as one stream: 64-byte alignment throughout, dictionaries before the batches (ARROW-SHAPE).
inline arrow::Status WriteStream(const arrow::Table& table, arrow::io::OutputStream* sink) {
  arrow::ipc::IpcWriteOptions options = arrow::ipc::IpcWriteOptions::Defaults();
  options.alignment = static_cast<int32_t>(kAlignment);
  options.use_threads = false;
  ARROW_ASSIGN_OR_RAISE(const auto writer, arrow::ipc::MakeStreamWriter(sink, table.schema(), options));
  ARROW_RETURN_NOT_OK(writer->WriteTable(table));
  return writer->Close();
}

}  // namespace detail

struct ReadOptions {
  /// Validate in full, also what a file of the own user says.
  bool validate_in_full = false;
};

/// Publishes the table as one message, or returns false if there is no room in time.
inline bool WriteTable(Writer& writer, const arrow::Table& table, Duration timeout = kForever) {
  const auto check = [&writer](const arrow::Status& status) {
    if (!status.ok()) {
      throw Error(Reason::kInvalid,
                  "channel " + detail::Quoted(writer.name()) + ": cannot encode the table: " + status.ToString());
    }
  };
  // All batches of a message share their dictionaries, or the stream would replace one between batches.
  const auto unified = arrow::DictionaryUnifier::UnifyTable(table);
  check(unified.status());
  arrow::io::MockOutputStream ruler;
  check(detail::WriteStream(**unified, &ruler));
  const int64_t length = ruler.GetExtentBytesWritten();
  std::optional<Claim> claim = writer.TryClaim(length, timeout);
  if (!claim) return false;
  arrow::io::FixedSizeBufferWriter sink(std::make_shared<arrow::MutableBuffer>(claim->data(), length));
  check(detail::WriteStream(**unified, &sink));
  claim->Commit(length);
  return true;
}

/// The next message as a table whose columns are views of the shared memory; null as for Reader::Read.
inline std::shared_ptr<arrow::Table> ReadTable(Reader& reader, Duration timeout = kForever, ReadOptions options = {}) {
  std::optional<Loan> loan = reader.Read(timeout);
  if (!loan) return nullptr;
  const int64_t sequence = loan->sequence();
  const auto table = detail::ParseTable(std::make_shared<detail::LoanBuffer>(std::move(*loan)),
                                        options.validate_in_full || reader.copies());
  if (!table.ok()) {
    throw Error(Reason::kCorrupt, "channel " + detail::Quoted(reader.name()) + ": message " +
                                      std::to_string(sequence) + " was passed over: " + table.status().ToString());
  }
  return *table;
}

/// The same as batches; an empty vector where ReadTable returns null, or for a message without rows.
inline arrow::RecordBatchVector ReadBatches(Reader& reader, Duration timeout = kForever, ReadOptions options = {}) {
  arrow::RecordBatchVector batches;
  const std::shared_ptr<arrow::Table> table = ReadTable(reader, timeout, options);
  if (!table) return batches;
  arrow::TableBatchReader cutter(*table);
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (!cutter.ReadNext(&batch).ok() || !batch) return batches;
    batches.push_back(std::move(batch));
  }
}

/// One end of a channel of tables, by either of whose names it is made.
class SharedDataFrame {
 public:
  /// The writing end. `size_mb`: length of the file in units of 2^20 bytes; `buffer_count`: the most unread messages.
  static std::unique_ptr<SharedDataFrame> CreateWriter(const std::string& name, int64_t size_mb = 100,
                                                       int64_t buffer_count = 3, WriterOptions options = {}) {
    if (size_mb < 1 || size_mb > 262144) {
      throw Error(Reason::kInvalid, "size_mb=" + std::to_string(size_mb) + ", allowed is 1 to 262144");
    }
    if (buffer_count < 1) throw Error(Reason::kInvalid, "buffer_count=" + std::to_string(buffer_count) + ", allowed is 1 or more");
    options.codec = kArrowCodec;
    options.segment_length = size_mb << 20;
    options.max_unread_count = buffer_count;
    std::unique_ptr<SharedDataFrame> frame(new SharedDataFrame());
    frame->writer_ = std::make_unique<Writer>(name, std::move(options));
    return frame;
  }

  /// A reading end.
  static std::unique_ptr<SharedDataFrame> CreateReader(const std::string& name, ReaderOptions options = {},
                                                       ReadOptions read_options = {}) {
    options.codec = kArrowCodec;
    std::unique_ptr<SharedDataFrame> frame(new SharedDataFrame());
    frame->reader_ = std::make_unique<Reader>(name, options);
    frame->read_options_ = read_options;
    return frame;
  }

  /// See qds::WriteTable.
  bool Write(const arrow::Table& table, Duration timeout = kForever) { return WriteTable(writer(), table, timeout); }
  bool Write(const std::shared_ptr<arrow::Table>& table, Duration timeout = kForever) { return Write(*table, timeout); }
  /// See qds::ReadTable.
  std::shared_ptr<arrow::Table> ReadTable(Duration timeout = kForever) {
    return qds::ReadTable(reader(), timeout, read_options_);
  }
  /// See qds::ReadBatches.
  arrow::RecordBatchVector ReadBatches(Duration timeout = kForever) {
    return qds::ReadBatches(reader(), timeout, read_options_);
  }

  Writer& writer() {
    if (!writer_) throw Error(Reason::kInvalid, "this is no open writer; make one with CreateWriter");
    return *writer_;
  }
  Reader& reader() {
    if (!reader_) throw Error(Reason::kInvalid, "this is no open reader; make one with CreateReader");
    return *reader_;
  }
  /// Tables that were read stay good.
  void Close() {
    writer_.reset();
    reader_.reset();
  }

 private:
  SharedDataFrame() = default;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> reader_;
  ReadOptions read_options_;
};

/// A reading end of the channel.
inline std::unique_ptr<SharedDataFrame> CreateSharedDataFrame(const std::string& name) {
  return SharedDataFrame::CreateReader(name);
}

}  // namespace qds

namespace qadataswap = qds;
