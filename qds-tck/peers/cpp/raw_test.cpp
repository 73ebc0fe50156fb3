// Tests of qds_raw.hpp: batches through real channels, views of the shared memory, lies.
#include <random>

#include "qds_raw.hpp"
#include "test.hpp"

namespace {

qds::WriterOptions ForWriting() {
  qds::WriterOptions options;
  options.codec = qds::kRawCodec;
  options.arena_length = 1 << 20;
  options.slot_count = 64;
  return options;
}
qds::ReaderOptions ForReading() {
  qds::ReaderOptions options;
  options.codec = qds::kRawCodec;
  return options;
}

qds::RawBatch Prices(int32_t rows) {
  std::vector<int64_t> ids;
  std::vector<double> prices;
  std::vector<uint8_t> flags;
  std::vector<bool> valid;
  std::vector<std::optional<std::string>> names;
  for (int32_t row = 0; row < rows; ++row) {
    ids.push_back(row * 3);
    prices.push_back(row / 4.0);
    flags.push_back(row % 2 == 0);
    valid.push_back(row % 3 != 0);
    names.push_back(row % 5 == 0 ? std::nullopt : std::optional<std::string>("gr\u00F6\u00DFer " + std::to_string(row)));
  }
  return qds::RawBatch(rows, {qds::RawColumn::Of("id", qds::RawType::kInt64, ids),
                              qds::RawColumn::Of("price", qds::RawType::kFloat64, prices, valid),
                              qds::RawColumn::Of("flag", qds::RawType::kBool, flags),
                              qds::RawColumn::OfBytes("name", qds::RawType::kUtf8, names, true)});
}

TEST(WhatIsWrittenIsWhatIsRead) {
  qds::Writer writer("prices", ForWriting());
  qds::Reader reader("prices", ForReading());
  for (const int32_t rows : {0, 1, 8, 9, 100}) {
    const qds::RawBatch sent = Prices(rows);
    CHECK(qds::WriteRaw(writer, sent));
    const auto batch = qds::ReadRaw(reader, std::chrono::seconds(5), true);
    CHECK(batch && batch->row_count() == rows && batch->columns().size() == sent.columns().size());
    for (size_t i = 0; i < sent.columns().size(); ++i) {
      const qds::RawColumn& expected = sent.columns()[i];
      const qds::RawColumn& found = batch->columns()[i];
      CHECK(found.field() == expected.field() || (rows == 0 && !expected.field().nullable));
      for (int32_t row = 0; row < rows; ++row) {
        CHECK(found.IsNull(row) == expected.IsNull(row));
        if (!found.IsNull(row)) CHECK(found.Bytes(row) == expected.Bytes(row));
      }
    }
    if (rows > 1) {
      CHECK(batch->column("id").values<int64_t>()[1] == 3);
      CHECK(reinterpret_cast<uintptr_t>(batch->column("price").values<double>()) % 64 == 0);
      CHECK(batch->column("name").Bytes(1) == "gr\u00F6\u00DFer 1");
    }
  }
}

TEST(AColumnHoldsItsMessage) {
  qds::Writer writer("prices", ForWriting());
  auto reader = std::make_unique<qds::Reader>("prices", ForReading());
  qds::Reader other("prices", ForReading());
  CHECK(qds::WriteRaw(writer, Prices(1000)));
  qds::ReadRaw(other);
  const qds::RawColumn kept = qds::ReadRaw(*reader)->column("id");
  reader.reset();  // it holds the one message, not those that follow
  for (int i = 0; i < 50; ++i) {
    CHECK(qds::WriteRaw(writer, Prices(2000), std::chrono::seconds(60)));
    qds::ReadRaw(other);
  }
  for (int32_t row = 0; row < 1000; ++row) CHECK(kept.values<int64_t>()[row] == row * 3);
}

TEST(MisuseIsRefused) {
  const qds::RawBatch batch = Prices(3);
  CHECK(ReasonOf([&] { batch.column("id").values<int32_t>(); }) == qds::Reason::kInvalid);
  CHECK(ReasonOf([&] { batch.column("id").Bytes(3); }) == qds::Reason::kInvalid);
  CHECK(ReasonOf([&] { batch.column("none"); }) == qds::Reason::kInvalid);
  CHECK(ReasonOf([&] { qds::RawBatch(4, {batch.column("id")}); }) == qds::Reason::kInvalid);
  CHECK(ReasonOf([&] { qds::RawBatch(3, {batch.column("id"), batch.column("id")}); }) == qds::Reason::kInvalid);
  CHECK(ReasonOf([] { qds::RawColumn::Of<int32_t>("x", qds::RawType::kInt64, {1}); }) == qds::Reason::kInvalid);
  CHECK(ReasonOf([] { qds::RawColumn::OfBytes("x", qds::RawType::kUtf8, {std::nullopt}); }) == qds::Reason::kInvalid);
}

TEST(LiesAreRefusedAndTheNextMessageIsRead) {
  qds::Writer writer("prices", ForWriting());
  qds::Reader reader("prices", ForReading());
  const qds::RawBatch good = Prices(20);
  std::vector<uint8_t> bytes(static_cast<size_t>(good.MessageLength()));
  good.Store(bytes.data());
  const int64_t wild[] = {0, 1, -1, 63, 64, int64_t{1} << 31, INT32_MAX, INT64_MAX, INT64_MIN, INT64_MAX - 63};
  std::mt19937_64 random(1);
  int read = 0;
  int refused = 0;
  const auto take = [&](const std::vector<uint8_t>& data) {
    CHECK(writer.Write(data.data(), static_cast<int64_t>(data.size()), std::chrono::seconds(5)));
    try {
      const auto batch = qds::ReadRaw(reader, std::chrono::seconds(5), random() % 2 == 0);
      for (const auto& column : batch->columns()) {
        for (int32_t row = 0; row < std::min(batch->row_count(), 100); ++row) {
          column.IsNull(row);
          std::string(column.Bytes(row));
        }
      }
      ++read;
    } catch (const qds::Error& e) {
      CHECK(e.reason() == qds::Reason::kCorrupt || e.reason() == qds::Reason::kUnsupported);
      CHECK(std::string(e.what()).find("message ") != std::string::npos);
      ++refused;
    }
  };
  for (int round = 0; round < 5000; ++round) {
    std::vector<uint8_t> data = bytes;
    const size_t at = random() % (random() % 2 == 0 ? 256 : data.size() - 8);
    if (random() % 2 == 0) {
      std::memcpy(&data[at / 8 * 8], &wild[random() % std::size(wild)], 8);
    } else {
      data[at] = static_cast<uint8_t>(random());
    }
    take(data);
  }
  CHECK(read > 500 && refused > 500);
  const int before = read;
  for (size_t length = 0; length < bytes.size(); length += 5) take({bytes.data(), bytes.data() + length});
  CHECK(read == before);
  take(bytes);
  CHECK(read == before + 1);
}

}  // namespace
