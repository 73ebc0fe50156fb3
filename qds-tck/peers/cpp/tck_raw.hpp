// The files of the peer protocol for the codec raw1 (PEER-18): batches as lines of text.
#pragma once

#include <sstream>

#include "qds_raw.hpp"

inline const char* const kRawTypeNames[] = {"",        "int8",    "int16", "int32",     "int64", "uint8", "uint16", "uint32",
                                            "uint64", "float32", "float64", "bool", "timestamp", "fixed", "utf8",  "binary"};

inline std::string FromHex(const std::string& digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

inline std::string ToHex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

inline qds::RawBatch ParseRaw(const std::string& text) {
  std::istringstream in(text);
  std::string word;
  int32_t rows = 0;
  in >> word >> rows;
  std::vector<qds::RawColumn> columns;
  std::string type, nulls, name;
  int32_t width = 0;
  while (in >> word >> type >> width >> nulls >> name) {
    const auto found = std::find(std::begin(kRawTypeNames), std::end(kRawTypeNames), type);
    const auto code = static_cast<qds::RawType>(found - std::begin(kRawTypeNames));
    const bool nullable = nulls == "null";
    std::vector<std::optional<std::string>> values;
    for (int32_t row = 0; row < rows; ++row) {
      in >> word;
      values.push_back(word == "-" ? std::nullopt : std::optional<std::string>(FromHex(word.substr(1))));
    }
    if (width == 0) {
      columns.push_back(qds::RawColumn::OfBytes(FromHex(name), code, values, nullable));
      continue;
    }
    std::string bytes;
    std::vector<bool> valid;
    for (const auto& value : values) {
      bytes += value.value_or(std::string(static_cast<size_t>(width), 0));
      if (nullable) valid.push_back(value.has_value());
    }
    columns.push_back(qds::RawColumn::OfMemory(FromHex(name), code, width, bytes.data(), values.size(), valid, nullable));
  }
  return qds::RawBatch(rows, std::move(columns));
}

inline std::string RawText(const qds::RawBatch& batch) {
  std::string text = "rows " + std::to_string(batch.row_count()) + "\n";
  for (const qds::RawColumn& column : batch.columns()) {
    const qds::RawField& field = column.field();
    text += std::string("column ") + kRawTypeNames[static_cast<int>(field.type)] + " " + std::to_string(field.width) +
            (field.nullable ? " null " : " - ") + ToHex(field.name) + "\n";
    for (int32_t row = 0; row < batch.row_count(); ++row) {
      text += column.IsNull(row) ? "-\n" : "=" + ToHex(column.Bytes(row)) + "\n";
    }
  }
  return text;
}
