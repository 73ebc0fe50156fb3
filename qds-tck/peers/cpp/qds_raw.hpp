// Batches of columns over channels of the layout qds1: the codec raw1. Needs nothing but qds.hpp.
//
//   qds::WriterOptions options;
//   options.codec = qds::kRawCodec;
//   qds::Writer writer("prices", options);
//   qds::WriteRaw(writer, qds::RawBatch(3, {qds::RawColumn::Of<int64_t>("id", qds::RawType::kInt64, ids),
//                                           qds::RawColumn::OfBytes("name", qds::RawType::kUtf8, names)}));
//
//   std::optional<qds::RawBatch> batch = qds::ReadRaw(reader);              // views of the shared memory
//   const double* prices = batch->column("price").values<double>();         // no copy
//
// What is read holds the message: its memory goes back to the writer when the last batch or column that shows it is
// gone. Names (RAW-...) are rules of the specification of the codec.
#pragma once

#include <string_view>
#include <type_traits>
#include <unordered_map>

#include "qds.hpp"

namespace qds {

inline constexpr const char* kRawCodec = "raw1";

enum class RawType : uint8_t {
  kInt8 = 1, kInt16, kInt32, kInt64, kUint8, kUint16, kUint32, kUint64, kFloat32, kFloat64,
  kBool,       // a byte, 0 or 1: compare it, do not take it for a bool (RAW-TYPE-05)
  kTimestamp,  // int64_t, nanoseconds since 1970
  kFixed,      // bytes, as many in each row
  kUtf8,
  kBinary
};

/// What a column is.
struct RawField {
  std::string name;
  RawType type;
  /// Bytes of a value; 0 for kUtf8 and kBinary.
  int32_t width;
  bool nullable = false;

  bool operator==(const RawField& other) const {
    return name == other.name && type == other.type && width == other.width && nullable == other.nullable;
  }
};

namespace detail {

inline constexpr uint32_t kRawMagic = 0x57415251;
inline constexpr int64_t kRawHeader = 64;
inline constexpr int64_t kRawEntry = 16;
inline constexpr int64_t kRawBuffers = 32;
inline constexpr int32_t kRawMaxColumns = 1 << 20;
inline constexpr int32_t kRawMaxSchema = 1 << 26;
inline constexpr int32_t kRawMaxName = 65535;
inline constexpr int32_t kRawMaxWidth = 1 << 20;

template <typename T>
T RawLoad(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename T>
void RawStore(uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

/// Bytes of a value by its type's number; -1 where the column says it.
inline int32_t RawWidth(int type) {
  static constexpr int32_t widths[] = {0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 1, 8, -1, 0, 0};
  return widths[type];
}
inline bool IsRawWidth(int type, int32_t width) {
  return RawWidth(type) < 0 ? width >= 1 && width <= kRawMaxWidth : width == RawWidth(type);
}

/// Whether text is well-formed UTF-8 (RAW-TYPE-05).
inline bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    const int following = lead >= 0xC2 && lead <= 0xDF ? 1 : lead >> 4 == 0xE ? 2 : lead >= 0xF0 && lead <= 0xF4 ? 3 : 0;
    if (following == 0) return false;
    uint32_t code = lead & (0x3Fu >> following);
    for (int k = 0; k < following; ++k, ++i) {
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return false;
      code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
    }
    const uint32_t least = following == 1 ? 0x80 : following == 2 ? 0x800 : 0x10000;
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  }
  return true;
}

}  // namespace detail

/// A column: of its own memory, to be written, or a view of a message, which it holds (RAW-LIFE-01).
class RawColumn {
 public:
  /// Values of fixed width. `valid` says for each row whether it is no null; empty: none is.
  template <typename T>
  static RawColumn Of(std::string name, RawType type, const std::vector<T>& values, const std::vector<bool>& valid = {}) {
    static_assert(std::is_trivially_copyable_v<T>, "values are copied as bytes");
    return OfMemory(std::move(name), type, static_cast<int32_t>(sizeof(T)), values.data(), values.size(), valid);
  }
  /// The same from memory that holds `count` values of `width` bytes.
  static RawColumn OfMemory(std::string name, RawType type, int32_t width, const void* values, size_t count,
                            const std::vector<bool>& valid = {}, bool nullable = false) {
    RawColumn column({std::move(name), type, width, nullable || !valid.empty()}, count, valid);
    if (width == 0 || !detail::IsRawWidth(static_cast<int>(type), width)) {
      column.Refuse("values of " + std::to_string(width) + " bytes");
    }
    const auto* from = static_cast<const uint8_t*>(values);
    column.own_->values.assign(from, from + count * static_cast<size_t>(width));
    column.values_ = column.own_->values.data();
    return column;
  }
  /// Texts, or bytes; std::nullopt is a null.
  static RawColumn OfBytes(std::string name, RawType type, const std::vector<std::optional<std::string>>& values,
                           bool nullable = false) {
    std::vector<bool> valid;
    if (nullable) {
      for (const auto& value : values) valid.push_back(value.has_value());
    }
    RawColumn column({std::move(name), type, 0, nullable}, values.size(), valid);
    if (detail::RawWidth(static_cast<int>(type)) != 0) column.Refuse("texts or bytes");
    std::vector<int32_t> offsets{0};
    for (const auto& value : values) {
      if (!value && !nullable) column.Refuse("a null");
      if (value) column.own_->data.insert(column.own_->data.end(), value->begin(), value->end());
      if (column.own_->data.size() > INT32_MAX) column.Refuse("more than 2147483647 bytes");
      offsets.push_back(static_cast<int32_t>(column.own_->data.size()));
    }
    column.own_->values.resize(offsets.size() * sizeof(int32_t));
    std::memcpy(column.own_->values.data(), offsets.data(), column.own_->values.size());
    column.values_ = column.own_->values.data();
    column.data_ = column.own_->data.data();
    column.data_length_ = static_cast<int64_t>(column.own_->data.size());
    return column;
  }

  const RawField& field() const { return field_; }
  int32_t row_count() const { return row_count_; }
  /// Whether there may be nulls.
  bool has_nulls() const { return validity_ != nullptr; }
  bool IsNull(int32_t row) const {
    CheckRow(row);
    return validity_ != nullptr && (validity_[row / 8] >> (row % 8) & 1) == 0;
  }
  /// Values of fixed width, row_count() of them, from a multiple of 64 in a message. A null's is anything.
  template <typename T>
  const T* values() const {
    if (sizeof(T) != static_cast<size_t>(field_.width)) Refuse("values of " + std::to_string(sizeof(T)) + " bytes");
    return reinterpret_cast<const T*>(values_);
  }
  /// A value as its bytes: of any type. A view of the same memory.
  std::string_view Bytes(int32_t row) const {
    CheckRow(row);
    if (field_.width != 0) {
      return {reinterpret_cast<const char*>(values_) + int64_t{row} * field_.width, static_cast<size_t>(field_.width)};
    }
    // Each is loaded once, and checked here: the writer may change it (RAW-CHECK-03).
    const int32_t begin = Offset(row);
    const int32_t end = Offset(row + 1);
    if (begin < 0 || end < begin || end > data_length_) {
      throw Error(Reason::kCorrupt, where_ + "column " + detail::Quoted(field_.name) + ": row " + std::to_string(row) +
                                        " has offsets " + std::to_string(begin) + " and " + std::to_string(end) +
                                        ", allowed are 0 <= first <= second <= " + std::to_string(data_length_));
    }
    return {reinterpret_cast<const char*>(data_) + begin, static_cast<size_t>(end - begin)};
  }

 private:
  friend class RawBatch;
  struct Memory {
    std::vector<uint8_t> validity, values, data;
  };

  explicit RawColumn(RawField field) : field_(std::move(field)) {}
  RawColumn(RawField field, size_t count, const std::vector<bool>& valid)
      : field_(std::move(field)), own_(std::make_shared<Memory>()) {
    if (count > INT32_MAX) Refuse("more than 2147483647 rows");
    row_count_ = static_cast<int32_t>(count);
    if (!valid.empty() && valid.size() != count) Refuse(std::to_string(valid.size()) + " validities");
    bool any_null = false;
    own_->validity.resize((count + 7) / 8);
    for (size_t row = 0; row < valid.size(); ++row) {
      if (valid[row]) {
        own_->validity[row / 8] = static_cast<uint8_t>(own_->validity[row / 8] | 1u << row % 8);
      } else {
        any_null = true;
      }
    }
    if (any_null) validity_ = own_->validity.data();  // else it is left out (RAW-PLACE-02)
  }

  [[noreturn]] void Refuse(const std::string& what) const {
    throw Error(Reason::kInvalid, "column " + detail::Quoted(field_.name) + " of " + std::to_string(row_count_) +
                                      " rows and width " + std::to_string(field_.width) + " has no " + what);
  }
  void CheckRow(int32_t row) const {
    if (row < 0 || row >= row_count_) {
      throw Error(Reason::kInvalid, where_ + "column " + detail::Quoted(field_.name) + " row " + std::to_string(row) +
                                        ", allowed are 0 to " + std::to_string(row_count_ - 1));
    }
  }
  int32_t Offset(int64_t row) const {
    // Not by the compiler's leave twice: see RAW-CHECK-03.
    return *reinterpret_cast<const volatile int32_t*>(values_ + row * 4);
  }
  int64_t ValidityLength() const { return (int64_t{row_count_} + 7) / 8; }
  int64_t ValuesLength() const {
    return field_.width == 0 ? (int64_t{row_count_} + 1) * 4 : int64_t{row_count_} * field_.width;
  }

  /// Full validation (RAW-CHECK-04).
  void CheckValues() const {
    for (int32_t row = 0; row < row_count_; ++row) {
      const bool is_bool = field_.type == RawType::kBool;
      if (field_.width != 0 && !is_bool) return;
      const std::string_view value = Bytes(row);
      if (is_bool ? static_cast<unsigned char>(value[0]) > 1 : field_.type == RawType::kUtf8 && !detail::IsUtf8(value)) {
        throw Error(Reason::kCorrupt, where_ + "column " + detail::Quoted(field_.name) + ": row " +
                                          std::to_string(row) + (is_bool ? " is no boolean" : " is no UTF-8"));
      }
    }
  }

  RawField field_;
  int32_t row_count_ = 0;
  const uint8_t* validity_ = nullptr;
  const uint8_t* values_ = nullptr;
  const uint8_t* data_ = nullptr;
  int64_t data_length_ = 0;
  std::string where_;
  std::shared_ptr<Memory> own_;
  std::shared_ptr<const Loan> loan_;
};

/// Columns of equally many rows.
class RawBatch {
 public:
  /// To be written.
  RawBatch(int32_t row_count, std::vector<RawColumn> columns) : row_count_(row_count), columns_(std::move(columns)) {
    Index();
    for (const RawColumn& column : columns_) {
      const auto length = column.field_.name.size();
      if (column.row_count_ != row_count_) column.Refuse(std::to_string(row_count_) + " rows, as the batch has");
      if (length < 1 || length > detail::kRawMaxName || !detail::IsUtf8(column.field_.name)) {
        column.Refuse("name of 1 to 65535 bytes of UTF-8");
      }
    }
    if (columns_.size() > static_cast<size_t>(detail::kRawMaxColumns)) throw Error(Reason::kInvalid, "too many columns");
  }

  /// A message as views of it, after a check of what describes it in a private copy (RAW-CHECK-01). `in_full` also
  /// looks at each offset, text and boolean.
  static RawBatch Of(Loan loan, const std::string& channel, bool in_full) {
    const auto message = std::make_shared<const Loan>(std::move(loan));
    const std::string where = "channel " + detail::Quoted(channel) + ": message " + std::to_string(message->sequence()) +
                              " of " + std::to_string(message->length()) + " bytes: ";
    const auto require = [&where](const std::string& what, int64_t found, int64_t least, int64_t most) {
      if (found < least || found > most) {
        throw Error(Reason::kCorrupt, where + what + " is " + std::to_string(found) + ", allowed is " +
                                          std::to_string(least) + " to " + std::to_string(most));
      }
    };
    const auto unknown = [&where](const std::string& what) {
      return Error(Reason::kUnsupported, where + what + "; use the same version on both sides");
    };
    require("its length", message->length(), detail::kRawHeader, INT64_MAX);
    std::vector<uint8_t> copy(message->data(), message->data() + detail::kRawHeader);
    require("magic", detail::RawLoad<uint32_t>(&copy[0]), detail::kRawMagic, detail::kRawMagic);
    const auto version = detail::RawLoad<uint16_t>(&copy[4]);
    if (version != 1) throw unknown("version is " + std::to_string(version) + ", known is 1");
    const auto rows = detail::RawLoad<int32_t>(&copy[8]);
    const auto count = detail::RawLoad<int32_t>(&copy[12]);
    const auto schema_length = detail::RawLoad<int32_t>(&copy[16]);
    const auto length = detail::RawLoad<int64_t>(&copy[24]);
    require("rowCount", rows, 0, INT32_MAX);
    require("columnCount", count, 0, detail::kRawMaxColumns);
    require("schemaLength", schema_length, int64_t{count} * detail::kRawEntry, detail::kRawMaxSchema);
    require("schemaLength mod 64", schema_length % 64, 0, 0);
    const int64_t table_at = detail::kRawHeader + schema_length;
    const int64_t least = detail::RoundUp(table_at + int64_t{count} * detail::kRawBuffers, detail::kAlignment);
    require("messageLength", length, least, message->length());
    require("messageLength mod 64", length % 64, 0, 0);
    copy.resize(static_cast<size_t>(table_at + int64_t{count} * detail::kRawBuffers));
    std::memcpy(copy.data() + detail::kRawHeader, message->data() + detail::kRawHeader,
                copy.size() - static_cast<size_t>(detail::kRawHeader));

    std::vector<RawColumn> columns;
    int64_t unused_names = schema_length - int64_t{count} * detail::kRawEntry;  // names that shared bytes would grow
    for (int64_t i = 0; i < count; ++i) {
      const std::string what = "column " + std::to_string(i) + " ";
      const uint8_t* const entry = copy.data() + detail::kRawHeader + i * detail::kRawEntry;
      const int type = entry[0];
      const int flags = entry[1];
      if (type < 1 || type > 15) throw unknown(what + "has type " + std::to_string(type));
      if (flags > 1) throw unknown(what + "has flags " + std::to_string(flags));
      const auto width = detail::RawLoad<int32_t>(entry + 4);
      const bool is_fixed = detail::RawWidth(type) < 0;
      require(what + "width", width, is_fixed ? 1 : detail::RawWidth(type),
              is_fixed ? detail::kRawMaxWidth : detail::RawWidth(type));
      const auto name_at = detail::RawLoad<int32_t>(entry + 8);
      const auto name_length = detail::RawLoad<int32_t>(entry + 12);
      require(what + "nameLength", name_length, 1, std::min<int64_t>(detail::kRawMaxName, unused_names));
      require(what + "nameOffset", name_at, int64_t{count} * detail::kRawEntry, schema_length - name_length);
      unused_names -= name_length;
      RawColumn column({std::string(reinterpret_cast<const char*>(copy.data()) + detail::kRawHeader + name_at,
                                    static_cast<size_t>(name_length)),
                        static_cast<RawType>(type), width, flags == 1});
      const std::string named = "column " + detail::Quoted(column.field_.name) + " ";
      if (!detail::IsUtf8(column.field_.name)) throw Error(Reason::kCorrupt, where + what + "has a name that is no UTF-8");
      column.row_count_ = rows;
      column.where_ = where;
      column.loan_ = message;

      const uint8_t* const buffers = copy.data() + table_at + i * detail::kRawBuffers;
      const auto place = [&](const std::string& part, int64_t offset, int64_t used) {
        require(named + part + " offset", offset, least, length - detail::RoundUp(used, detail::kAlignment));
        require(named + part + " offset mod 64", offset % 64, 0, 0);
        return message->data() + offset;
      };
      const auto validity = detail::RawLoad<int64_t>(buffers);
      if (!column.field_.nullable) require(named + "validity", validity, 0, 0);
      if (validity != 0) column.validity_ = place("validity", validity, column.ValidityLength());
      column.values_ = place("values", detail::RawLoad<int64_t>(buffers + 8), column.ValuesLength());
      const auto data = detail::RawLoad<int64_t>(buffers + 16);
      column.data_length_ = detail::RawLoad<int64_t>(buffers + 24);
      if (width == 0) {
        require(named + "dataLength", column.data_length_, 0, INT32_MAX);
        column.data_ = place("data", data, column.data_length_);
        require(named + "first offset", column.Offset(0), 0, 0);
        require(named + "last offset", column.Offset(rows), 0, column.data_length_);
      } else {
        require(named + "data", data, 0, 0);
        require(named + "dataLength", column.data_length_, 0, 0);
      }
      if (in_full) column.CheckValues();
      columns.push_back(std::move(column));
    }
    return RawBatch(rows, std::move(columns), where);
  }

  int32_t row_count() const { return row_count_; }
  const std::vector<RawColumn>& columns() const { return columns_; }
  const RawColumn& column(const std::string& name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) throw Error(Reason::kInvalid, where_ + "there is no column " + detail::Quoted(name));
    return columns_[found->second];
  }

  /// Bytes of the message that Store writes.
  int64_t MessageLength() const { return Layout(nullptr); }
  /// Copies the batch, once. `to` is a multiple of 64.
  void Store(uint8_t* to) const { Layout(to); }

 private:
  RawBatch(int32_t row_count, std::vector<RawColumn> columns, std::string where)
      : row_count_(row_count), columns_(std::move(columns)), where_(std::move(where)) {
    Index();
  }

  void Index() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!index_.emplace(columns_[i].field_.name, i).second) {
        throw Error(where_.empty() ? Reason::kInvalid : Reason::kCorrupt,
                    where_ + "two columns have the name " + detail::Quoted(columns_[i].field_.name));
      }
    }
  }

  /// Stores the batch, or only returns its length if `to` is null.
  int64_t Layout(uint8_t* to) const {
    const auto count = static_cast<int64_t>(columns_.size());
    int64_t name_at = count * detail::kRawEntry;
    int64_t schema_length = name_at;
    for (const RawColumn& column : columns_) schema_length += static_cast<int64_t>(column.field_.name.size());
    schema_length = detail::RoundUp(schema_length, detail::kAlignment);
    if (schema_length > detail::kRawMaxSchema) throw Error(Reason::kInvalid, "all names are longer than 2^26 bytes");
    const int64_t table_at = detail::kRawHeader + schema_length;
    int64_t end = detail::RoundUp(table_at + count * detail::kRawBuffers, detail::kAlignment);
    if (to != nullptr) std::memset(to, 0, static_cast<size_t>(end));
    const auto add = [to, &end](const uint8_t* from, int64_t length) {
      const int64_t at = end;
      if (to != nullptr && length > 0) std::memcpy(to + at, from, static_cast<size_t>(length));
      end += detail::RoundUp(length, detail::kAlignment);
      return at;
    };
    for (int64_t i = 0; i < count; ++i) {
      const RawColumn& column = columns_[static_cast<size_t>(i)];
      const RawField& field = column.field_;
      const int64_t validity = column.validity_ == nullptr ? 0 : add(column.validity_, column.ValidityLength());
      const int64_t values = add(column.values_, column.ValuesLength());
      const int64_t data = field.width != 0 ? 0 : add(column.data_, column.data_length_);
      const auto name_length = static_cast<int64_t>(field.name.size());
      if (to != nullptr) {
        uint8_t* const entry = to + detail::kRawHeader + i * detail::kRawEntry;
        entry[0] = static_cast<uint8_t>(field.type);
        entry[1] = field.nullable ? 1 : 0;
        detail::RawStore(entry + 4, field.width);
        detail::RawStore(entry + 8, static_cast<int32_t>(name_at));
        detail::RawStore(entry + 12, static_cast<int32_t>(name_length));
        std::memcpy(to + detail::kRawHeader + name_at, field.name.data(), field.name.size());
        uint8_t* const buffers = to + table_at + i * detail::kRawBuffers;
        detail::RawStore(buffers, validity);
        detail::RawStore(buffers + 8, values);
        detail::RawStore(buffers + 16, data);
        detail::RawStore(buffers + 24, column.data_length_);
      }
      name_at += name_length;
    }
    if (to != nullptr) {
      detail::RawStore(to, detail::kRawMagic);
      detail::RawStore(to + 4, uint16_t{1});
      detail::RawStore(to + 8, row_count_);
      detail::RawStore(to + 12, static_cast<int32_t>(count));
      detail::RawStore(to + 16, static_cast<int32_t>(schema_length));
      detail::RawStore(to + 24, end);
    }
    return end;
  }

  int32_t row_count_;
  std::vector<RawColumn> columns_;
  std::string where_;
  std::unordered_map<std::string, size_t> index_;
};

/// Publishes the batch as one message, or returns false if there is no room in time. One copy, into the channel.
inline bool WriteRaw(Writer& writer, const RawBatch& batch, Duration timeout = kForever, int64_t tag = 0) {
  const int64_t length = batch.MessageLength();
  std::optional<Claim> claim = writer.TryClaim(length, timeout);
  if (!claim) return false;
  batch.Store(claim->data());
  claim->Commit(length, tag);
  return true;
}

/// The next batch, or nothing after `timeout` or at the end. Looks at each value of another user's channel, and if
/// `in_full` says so.
inline std::optional<RawBatch> ReadRaw(Reader& reader, Duration timeout = kForever, bool in_full = false) {
  std::optional<Loan> loan = reader.Read(timeout);
  if (!loan) return std::nullopt;
  return RawBatch::Of(std::move(*loan), reader.name(), in_full || reader.copies());
}

}  // namespace qds
