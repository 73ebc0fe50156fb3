// Tests of qds_arrow.hpp: tables through real channels, views of the shared memory, the seed's lines.
#include "qds_arrow.hpp"
#include "test.hpp"

namespace {

template <typename T>
T Value(arrow::Result<T> result) {
  if (!result.ok()) FAIL(result.status().ToString());
  return std::move(result).ValueUnsafe();
}
void Ok(const arrow::Status& status) {
  if (!status.ok()) FAIL(status.ToString());
}

template <typename Builder, typename T>
std::shared_ptr<arrow::Array> Column(const std::vector<std::optional<T>>& values) {
  Builder builder;
  for (const auto& value : values) Ok(value ? builder.Append(*value) : builder.AppendNull());
  return Value(builder.Finish());
}

/// Numbers, texts, nulls, a list, a dictionary; in several chunks of different dictionaries, sliced.
std::shared_ptr<arrow::Table> Trades() {
  std::vector<std::shared_ptr<arrow::Table>> parts;
  for (int part = 0; part < 3; ++part) {
    std::vector<std::optional<int64_t>> ids;
    std::vector<std::optional<std::string>> names;
    std::vector<std::optional<double>> values;
    for (int row = 0; row < 1000; ++row) {
      ids.push_back(part * 1000 + row);
      names.push_back(row % 7 == 0 ? std::nullopt : std::optional<std::string>("name " + std::to_string(row * part)));
      values.push_back(row % 5 == 0 ? std::nullopt : std::optional<double>(row / 8.0));
    }
    arrow::StringDictionaryBuilder dictionary;
    arrow::ListBuilder lists(arrow::default_memory_pool(), std::make_shared<arrow::Int32Builder>());
    for (int row = 0; row < 1000; ++row) {
      Ok(dictionary.Append("venue " + std::to_string(part * 2 + row % 3)));
      Ok(lists.Append());
      for (int i = 0; i < row % 4; ++i) Ok(static_cast<arrow::Int32Builder*>(lists.value_builder())->Append(i * row));
    }
    const std::vector<std::shared_ptr<arrow::Array>> columns = {
        Column<arrow::Int64Builder, int64_t>(ids), Column<arrow::StringBuilder, std::string>(names),
        Column<arrow::DoubleBuilder, double>(values), Value(dictionary.Finish()), Value(lists.Finish())};
    const auto schema = arrow::schema({arrow::field("id", columns[0]->type()), arrow::field("name", columns[1]->type()),
                                       arrow::field("value", columns[2]->type()),
                                       arrow::field("venue", columns[3]->type()),
                                       arrow::field("fills", columns[4]->type())});
    parts.push_back(arrow::Table::Make(schema, columns)->Slice(part * 3));
  }
  return Value(arrow::ConcatenateTables(parts));
}

/// Whether both have the same values. The dictionaries of a table's chunks arrive as one, and Arrow would tell them apart.
bool Same(const arrow::Table& left, const arrow::Table& right) {
  return Value(arrow::DictionaryUnifier::UnifyTable(left))->Equals(*Value(arrow::DictionaryUnifier::UnifyTable(right)));
}

void ForEachBuffer(const arrow::ArrayData& data, const std::function<void(const arrow::Buffer&)>& visit) {
  for (const auto& buffer : data.buffers) {
    if (buffer) visit(*buffer);
  }
  for (const auto& child : data.child_data) ForEachBuffer(*child, visit);
  if (data.dictionary) ForEachBuffer(*data.dictionary, visit);
}

}  // namespace

TEST(ATableArrivesAsItWasAlignedAndWithoutACopy) {
  const auto trades = Trades();
  auto writer = qds::SharedDataFrame::CreateWriter("trades", 32, 64);
  auto reader = qds::CreateSharedDataFrame("trades");
  std::shared_ptr<arrow::Table> first;
  for (int i = 0; i < 50; ++i) {
    CHECK(writer->Write(trades));
    const int64_t allocated = arrow::default_memory_pool()->bytes_allocated();
    const auto read = reader->ReadTable();
    // Metadata at most: the values are views.
    CHECK(arrow::default_memory_pool()->bytes_allocated() - allocated < 20000);
    CHECK(Same(*read, *trades));
    Ok(read->ValidateFull());
    for (const auto& column : read->columns()) {
      for (const auto& chunk : column->chunks()) {
        ForEachBuffer(*chunk->data(), [](const arrow::Buffer& buffer) {
          CHECK(buffer.size() == 0 || buffer.address() % 64 == 0);
        });
      }
    }
    if (i == 0) first = read;
  }
  CHECK(Same(*first, *trades));
  writer->Close();
  CHECK(reader->ReadTable() == nullptr);
  reader->Close();
  CHECK(Same(*first, *trades));  // the loan outlives its reader
}

TEST(FramesAreAlignedAndEndWithTheMarker) {
  auto writer = qds::SharedDataFrame::CreateWriter("frames", 4);
  CHECK(writer->Write(*Trades()));
  qds::ReaderOptions options;
  options.codec = qds::kArrowCodec;
  qds::Reader reader("frames", options);
  const auto loan = reader.Read();
  int64_t at = 0;
  std::string kinds;
  for (;;) {
    int32_t head[2];
    std::memcpy(head, loan->data() + at, 8);
    CHECK(head[0] == -1);
    if (head[1] == 0) break;
    CHECK((8 + head[1]) % 64 == 0);
    const auto metadata = std::make_shared<arrow::Buffer>(loan->data() + at + 8, head[1]);
    const auto message = Value(arrow::ipc::Message::Open(metadata, nullptr));
    CHECK(message->body_length() % 64 == 0);
    kinds += std::to_string(static_cast<int>(message->type()));
    at += 8 + head[1] + message->body_length();
  }
  CHECK(at + 8 == loan->length());
  std::printf("    frames %s\n", kinds.c_str());
  CHECK(kinds == "12333");  // schema, dictionary, batches
}

TEST(EveryByteOfAMessageIsWritten) {  // what was there before would show in the gaps
  const auto encoded = Value(qds::detail::EncodedTable::Of(*Trades()));
  std::vector<uint8_t> first(static_cast<size_t>(encoded.length()), 0x00);
  std::vector<uint8_t> second(first.size(), 0xFF);
  encoded.Store(first.data());
  encoded.Store(second.data());
  CHECK(first == second);
}

TEST(AWildOffsetIsFoundOnRequestAndInTheFilesOfOthers) {
  const auto column = Column<arrow::StringBuilder, std::string>({std::string(100, 'a'), std::string(100, 'b'), "c"});
  const auto table = arrow::Table::Make(arrow::schema({arrow::field("text", column->type())}), {column});
  const auto encoded = Value(qds::detail::EncodedTable::Of(*table));
  std::vector<uint8_t> bytes(static_cast<size_t>(encoded.length()));
  encoded.Store(bytes.data());
  const int32_t offsets[3] = {0, 100, 200};
  const auto place = std::search(bytes.begin(), bytes.end(), reinterpret_cast<const uint8_t*>(offsets),
                                 reinterpret_cast<const uint8_t*>(offsets + 3));
  CHECK(place != bytes.end());
  place[4 + 3] = 0x40;  // 100 becomes more than a billion; first and last offset stay
  const auto write = [&bytes](const std::string& name) {
    qds::WriterOptions options;
    options.codec = qds::kArrowCodec;
    options.file_mode = 0666;
    options.segment_length = 1 << 20;
    auto writer = std::make_unique<qds::Writer>(name, options);
    CHECK(writer->Write(bytes.data(), static_cast<int64_t>(bytes.size())));
    return writer;
  };
  const auto writer = write("wild");
  const auto read = qds::CreateSharedDataFrame("wild")->ReadTable();
  CHECK(read->num_rows() == 3 && !read->ValidateFull().ok());
  auto careful = qds::SharedDataFrame::CreateReader("wild", {}, {true});
  CHECK(ReasonOf([&] { careful->ReadTable(); }) == qds::Reason::kCorrupt);

  if (geteuid() != 0) {
    std::printf("    skipped for the file of another user: only root can make one\n");
    return;
  }
  std::filesystem::permissions(std::getenv("QDS_DIR"), std::filesystem::perms::all);
  Child child([&write](int pipe) {
    CHECK(setuid(65534) == 0);
    const auto theirs = write("theirs");
    Tell(pipe);
    SleepUntilKilled();
  });
  child.AwaitSignal();
  auto wary = qds::CreateSharedDataFrame("theirs");
  CHECK(wary->reader().copies());
  CHECK(ReasonOf([&] { wary->ReadTable(); }) == qds::Reason::kCorrupt);
}

TEST(EmptyTablesAndTablesWithoutBatchesArrive) {
  auto writer = qds::SharedDataFrame::CreateWriter("empty", 1);
  auto reader = qds::CreateSharedDataFrame("empty");
  const auto schema = Trades()->schema();
  CHECK(writer->Write(*Value(arrow::Table::FromRecordBatches(schema, {}))));
  CHECK(writer->Write(*Trades()->Slice(0, 0)));
  for (int i = 0; i < 2; ++i) {
    const auto read = reader->ReadTable();
    CHECK(read->num_rows() == 0 && read->schema()->Equals(*schema));
  }
  CHECK(reader->ReadTable(qds::Duration::zero()) == nullptr);
}

TEST(WhatIsNoTableIsRefusedAndTheNextMessageIsRead) {
  qds::WriterOptions options;
  options.codec = qds::kArrowCodec;
  options.segment_length = 4 << 20;
  qds::Writer writer("hostile", options);
  auto reader = qds::SharedDataFrame::CreateReader("hostile", {}, {true});
  const auto trades = Trades();
  const auto encoded = Value(qds::detail::EncodedTable::Of(*trades));
  std::vector<uint8_t> stream(static_cast<size_t>(encoded.length()));
  encoded.Store(stream.data());
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::vector<uint8_t> bytes = stream;
    for (int flips = 0; flips < 4; ++flips) bytes[random() % (i % 2 == 0 ? 2048 : bytes.size())] = static_cast<uint8_t>(random());
    if (i % 3 == 0) bytes.resize(random() % bytes.size());
    CHECK(writer.Write(bytes.data(), static_cast<int64_t>(bytes.size())));
    try {
      const auto read = reader->ReadTable();
      Ok(read->ValidateFull());
    } catch (const qds::Error& e) {
      CHECK(e.reason() == qds::Reason::kCorrupt || e.reason() == qds::Reason::kUnsupported);
      if (++refused < 4) std::printf("    %s\n", e.what());
    }
  }
  CHECK(refused > 500);
  CHECK(qds::WriteTable(writer, *trades));
  CHECK(Same(*reader->ReadTable(), *trades));
}

TEST(AnotherProcessWritesTables) {
  const auto trades = Trades();
  Child child([&trades](int) {
    auto writer = qds::SharedDataFrame::CreateWriter("process", 4);
    for (int i = 0; i < 200; ++i) CHECK(writer->Write(*trades->Slice(i)));
  });
  qds::ReaderOptions options;
  options.open_timeout = std::chrono::seconds(30);
  auto reader = qds::SharedDataFrame::CreateReader("process", options);
  int count = 0;
  while (const auto table = reader->ReadTable()) CHECK(Same(*table, *trades->Slice(count++)));
  CHECK(count == 200 && child.Join() == 0);
}

TEST(TheSeedsLinesCompileAndRun) {
  auto writer = qds::SharedDataFrame::CreateWriter("python_to_cpp", 4);
  CHECK(writer->Write(Trades()));
  // C++ side
  auto reader = qadataswap::CreateSharedDataFrame("python_to_cpp");
  auto table = reader->ReadTable();  // Returns arrow::Table
  CHECK(Same(*table, *Trades()));
}
