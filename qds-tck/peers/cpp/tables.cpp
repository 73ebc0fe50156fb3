// Moves tables between a channel and Arrow IPC files, to try this peer against others:
//   tables send CHANNEL FILE     sends each batch of an Arrow IPC file as a message
//   tables recv CHANNEL FILE     writes all messages of a channel into an Arrow IPC file
#include <arrow/io/file.h>

#include <cstdio>

#include "qds_arrow.hpp"

namespace {

arrow::Status Send(const std::string& channel, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::ReadableFile::Open(path));
  ARROW_ASSIGN_OR_RAISE(const auto batches, arrow::ipc::RecordBatchFileReader::Open(file));
  const auto writer = qds::SharedDataFrame::CreateWriter(channel, 100, 1024);
  for (int i = 0; i < batches->num_record_batches(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto batch, batches->ReadRecordBatch(i));
    ARROW_ASSIGN_OR_RAISE(const auto table, arrow::Table::FromRecordBatches({std::move(batch)}));
    writer->Write(*table);
  }
  return arrow::Status::OK();
}

arrow::Status Receive(const std::string& channel, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::FileOutputStream::Open(path));
  qds::ReaderOptions options;
  options.open_timeout = std::chrono::seconds(30);
  const auto reader = qds::SharedDataFrame::CreateReader(channel, options);
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer;
  while (const auto table = reader->ReadTable()) {
    if (!writer) {
      ARROW_ASSIGN_OR_RAISE(writer, arrow::ipc::MakeFileWriter(file, table->schema()));
    }
    ARROW_RETURN_NOT_OK(writer->WriteTable(*table));
  }
  return writer ? writer->Close() : arrow::Status::OK();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc == 4 ? argv[1] : "";
  if (command != "send" && command != "recv") {
    std::fprintf(stderr, "usage: tables send|recv CHANNEL FILE\n");
    return 2;
  }
  try {
    const arrow::Status status = command == "send" ? Send(argv[2], argv[3]) : Receive(argv[2], argv[3]);
    if (status.ok()) return 0;
    std::fprintf(stderr, "tables: %s\n", status.ToString().c_str());
  } catch (const qds::Error& e) {
    std::fprintf(stderr, "tables: %s\n", e.what());
  }
  return 1;
}
