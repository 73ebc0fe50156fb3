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
// specification of the codec. This header is C++17; the headers of Arrow 26 ask for C++20.
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
    if (type != arrow::ipc::MessageType::SCHEMA && type != arrow::ipc::MessageType::DICTIONARY_BATCH &&
        type != arrow::ipc::MessageType::RECORD_BATCH) {  // ARROW-READ-06
      return arrow::Status::NotImplemented("frame of type ", static_cast<int>(type),
                                           ", allowed are a schema, dictionaries and batches");
    }
    const bool expected = seen_schema_ ? type == arrow::ipc::MessageType::DICTIONARY_BATCH ||
                                             type == arrow::ipc::MessageType::RECORD_BATCH
                                       : type == arrow::ipc::MessageType::SCHEMA;
    if (!expected) {  // ARROW-SHAPE-01
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

/// ARROW-CHECK-02
inline arrow::Status CheckNesting(const arrow::DataType& type, int depth = 1) {
  constexpr int kMaxDepth = 64;
  if (depth > kMaxDepth) return arrow::Status::Invalid("fields are nested deeper than ", kMaxDepth);
  for (const auto& child : type.fields()) ARROW_RETURN_NOT_OK(CheckNesting(*child->type(), depth + 1));
  return arrow::Status::OK();
}

inline bool HasValidity(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA:
    case arrow::Type::SPARSE_UNION:
    case arrow::Type::DENSE_UNION:
    case arrow::Type::RUN_END_ENCODED:
      return false;
    case arrow::Type::EXTENSION:
      return HasValidity(*static_cast<const arrow::ExtensionType&>(type).storage_type());
    default:
      return true;
  }
}

/// Without a validity buffer no value is null, also where nobody has counted (ARROW-READ-03): Arrow refuses an empty one.
inline void DropEmptyValidity(arrow::ArrayData& data) {
  if (data.null_count.load() == arrow::kUnknownNullCount && !data.buffers.empty() && data.buffers[0] &&
      data.buffers[0]->size() == 0 && HasValidity(*data.type)) {
    data.buffers[0] = nullptr;
    data.null_count = 0;
  }
  for (const auto& child : data.child_data) DropEmptyValidity(*child);
  if (data.dictionary) DropEmptyValidity(*data.dictionary);
}

/// The batches of one message.
inline arrow::Result<std::shared_ptr<arrow::Table>> ParseTable(std::shared_ptr<arrow::Buffer> payload, bool in_full) {
  arrow::ipc::IpcReadOptions options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;  // bodies are not decoded: there is nothing to share out
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;  // copies only what lies askew
  ARROW_ASSIGN_OR_RAISE(const auto stream, arrow::ipc::RecordBatchStreamReader::Open(
                                               std::make_unique<FrameReader>(std::move(payload)), options));
  for (const auto& field : stream->schema()->fields()) ARROW_RETURN_NOT_OK(CheckNesting(*field->type()));
  arrow::RecordBatchVector batches;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(stream->ReadNext(&batch));
    if (!batch) break;
    for (const auto& column : batch->column_data()) DropEmptyValidity(*column);
    ARROW_RETURN_NOT_OK(in_full ? batch->ValidateFull() : batch->Validate());
    batches.push_back(std::move(batch));
  }
  return arrow::Table::FromRecordBatches(stream->schema(), std::move(batches));
}

/// A table of a FlatBuffer that Arrow has just made. Fields are counted as in Arrow's schemas Message.fbs and Schema.fbs.
class FlatTable {
 public:
  static FlatTable Root(uint8_t* buffer) { return FlatTable(Follow(buffer)); }
  /// Where the field stands, or null if it has its default.
  uint8_t* Field(int index) const {
    const uint8_t* vtable = at_ - Get<int32_t>(at_);
    const int slot = 4 + 2 * index;
    const uint16_t offset = slot < Get<uint16_t>(vtable) ? Get<uint16_t>(vtable + slot) : uint16_t{0};
    return offset == 0 ? nullptr : at_ + offset;
  }
  FlatTable Table(int index) const { return FlatTable(Follow(Field(index))); }
  /// Where the elements begin; their number stands before.
  uint8_t* Vector(int index) const { return Field(index) == nullptr ? nullptr : Follow(Field(index)) + 4; }

 private:
  explicit FlatTable(uint8_t* at) : at_(at) {}
  template <typename T>
  static T Get(const uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  static uint8_t* Follow(uint8_t* reference) { return reference + Get<uint32_t>(reference); }
  uint8_t* at_;
};

/// A table as one stream, before it is copied to its place. Arrow encodes; its own writer aligns buffers to 8 bytes,
/// whatever it is asked for, so bodies are laid out anew (ARROW-ALIGN-01, -02).
class EncodedTable {
 public:
  static arrow::Result<EncodedTable> Of(const arrow::Table& given) {
    // All batches of a message share their dictionaries (ARROW-READ-04).
    ARROW_ASSIGN_OR_RAISE(const auto table, arrow::DictionaryUnifier::UnifyTable(given));
    const arrow::Schema& schema = *table->schema();
    const arrow::ipc::DictionaryFieldMapper mapper(schema);
    arrow::ipc::IpcWriteOptions options = arrow::ipc::IpcWriteOptions::Defaults();
    options.use_threads = false;
    EncodedTable encoded;
    arrow::ipc::IpcPayload head;
    ARROW_RETURN_NOT_OK(arrow::ipc::GetSchemaPayload(schema, options, mapper, &head));
    ARROW_RETURN_NOT_OK(encoded.Add(head));
    arrow::ipc::DictionaryVector dictionaries;
    arrow::TableBatchReader batches(*table);
    for (bool first = true;; first = false) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, batches.Next());
      if (!batch) break;
      ARROW_ASSIGN_OR_RAISE(auto found, arrow::ipc::CollectDictionaries(*batch, mapper));
      if (first) {
        dictionaries = std::move(found);
        for (const auto& [id, values] : dictionaries) {  // inner ones come first (ARROW-SHAPE)
          arrow::ipc::IpcPayload payload;
          ARROW_RETURN_NOT_OK(arrow::ipc::GetDictionaryPayload(id, values, options, &payload));
          ARROW_RETURN_NOT_OK(encoded.Add(payload));
        }
      } else {
        for (size_t i = 0; i < found.size(); ++i) {
          if (found[i].second->data() != dictionaries[i].second->data() &&
              !found[i].second->Equals(*dictionaries[i].second)) {
            return arrow::Status::NotImplemented("dictionaries that differ between chunks and cannot be unified");
          }
        }
      }
      arrow::ipc::IpcPayload payload;  // a new one each time: Arrow adds to what is in it
      ARROW_RETURN_NOT_OK(arrow::ipc::GetRecordBatchPayload(*batch, options, &payload));
      ARROW_RETURN_NOT_OK(encoded.Add(payload));
    }
    return encoded;
  }

  int64_t length() const { return length_ + 8; }

  /// Copies all of it, with zeros in the gaps (ARROW-ALIGN-03).
  void Store(uint8_t* to) const {
    for (const Frame& frame : frames_) {
      const int32_t prefix[2] = {-1, static_cast<int32_t>(frame.metadata.size())};
      std::memcpy(to, prefix, sizeof prefix);
      std::memcpy(to + sizeof prefix, frame.metadata.data(), frame.metadata.size());
      to += sizeof prefix + frame.metadata.size();
      for (const auto& buffer : frame.buffers) {
        const size_t used = static_cast<size_t>(buffer->size());
        const size_t room = static_cast<size_t>(RoundUp(buffer->size(), kAlignment));
        std::memcpy(to, buffer->data(), used);
        std::memset(to + used, 0, room - used);
        to += room;
      }
    }
    const int32_t end[2] = {-1, 0};
    std::memcpy(to, end, sizeof end);
  }

 private:
  struct Frame {
    std::vector<uint8_t> metadata;  // padded: 8 + its length is a multiple of 64
    std::vector<std::shared_ptr<arrow::Buffer>> buffers;
  };

  arrow::Status Add(const arrow::ipc::IpcPayload& payload) {
    Frame frame;
    const arrow::Buffer& metadata = *payload.metadata;
    frame.metadata.resize(static_cast<size_t>(RoundUp(8 + metadata.size(), kAlignment) - 8));
    std::memcpy(frame.metadata.data(), metadata.data(), static_cast<size_t>(metadata.size()));
    int64_t body_length = 0;
    if (payload.type != arrow::ipc::MessageType::SCHEMA) {
      const FlatTable message = FlatTable::Root(frame.metadata.data());
      FlatTable batch = message.Table(2);                                                   // Message.header
      if (payload.type == arrow::ipc::MessageType::DICTIONARY_BATCH) batch = batch.Table(1);  // DictionaryBatch.data
      uint8_t* place = batch.Vector(2);                              // RecordBatch.buffers: offset and length of each
      for (const auto& buffer : payload.body_buffers) {
        std::memcpy(place, &body_length, sizeof body_length);
        place += 16;
        if (!buffer || buffer->size() == 0) continue;
        frame.buffers.push_back(buffer);
        body_length += RoundUp(buffer->size(), kAlignment);
      }
      // Without it there is no body (its default is 0), and nothing to be changed.
      if (uint8_t* field = message.Field(3)) std::memcpy(field, &body_length, sizeof body_length);
    }
    length_ += 8 + static_cast<int64_t>(frame.metadata.size()) + body_length;
    frames_.push_back(std::move(frame));
    return arrow::Status::OK();
  }

  std::vector<Frame> frames_;
  int64_t length_ = 0;
};

}  // namespace detail

struct ReadOptions {
  /// Validate in full, also what a file of the own user says.
  bool validate_in_full = false;
};

/// Publishes the table as one message, or returns false if there is no room in time. One copy, into the channel.
inline bool WriteTable(Writer& writer, const arrow::Table& table, Duration timeout = kForever, int64_t tag = 0) {
  const auto encoded = detail::EncodedTable::Of(table);
  if (!encoded.ok()) {
    throw Error(Reason::kInvalid, "channel " + detail::Quoted(writer.name()) + ": cannot encode the table: " +
                                      encoded.status().ToString());
  }
  std::optional<Claim> claim = writer.TryClaim(encoded->length(), timeout);
  if (!claim) return false;
  encoded->Store(claim->data());
  claim->Commit(encoded->length(), tag);
  return true;
}

/// A received message as a table whose columns are views of it: the loan lasts as long as any of them. `reader` is the
/// one that received it. Throws kCorrupt if the bytes are no sound table, kUnsupported if Arrow has no arrays for it.
inline std::shared_ptr<arrow::Table> ToTable(Loan loan, const Reader& reader, ReadOptions options = {}) {
  const int64_t sequence = loan.sequence();
  const auto table = detail::ParseTable(std::make_shared<detail::LoanBuffer>(std::move(loan)),
                                        options.validate_in_full || reader.copies());
  if (!table.ok()) {
    const Reason reason = table.status().IsNotImplemented() ? Reason::kUnsupported : Reason::kCorrupt;
    throw Error(reason, "channel " + detail::Quoted(reader.name()) + ": message " + std::to_string(sequence) +
                            " was passed over: " + table.status().ToString());
  }
  return *table;
}

/// The next message as a table; null as for Reader::Read.
inline std::shared_ptr<arrow::Table> ReadTable(Reader& reader, Duration timeout = kForever, ReadOptions options = {}) {
  std::optional<Loan> loan = reader.Read(timeout);
  return loan ? ToTable(std::move(*loan), reader, options) : nullptr;
}

/// One end of a channel of tables, by either of whose names it is made.
class SharedDataFrame {
 public:
  /// The writing end. `size_mb`: length of the file in units of 2^20 bytes, 100 if not said; `buffer_count`: the most
  /// unread messages.
  static std::unique_ptr<SharedDataFrame> CreateWriter(const std::string& name, std::optional<int64_t> size_mb = {},
                                                       int64_t buffer_count = 3, WriterOptions options = {}) {
    if (size_mb && (*size_mb < 1 || *size_mb > 262144)) {
      throw Error(Reason::kInvalid, "channel " + detail::Quoted(name) + ": size_mb=" + std::to_string(*size_mb) +
                                        ", allowed is 1 to 262144");
    }
    if (buffer_count < 1) {
      throw Error(Reason::kInvalid, "channel " + detail::Quoted(name) + ": buffer_count=" +
                                        std::to_string(buffer_count) + ", allowed is 1 or more");
    }
    options.codec = kArrowCodec;
    if (size_mb) options.segment_length = *size_mb << 20;
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
