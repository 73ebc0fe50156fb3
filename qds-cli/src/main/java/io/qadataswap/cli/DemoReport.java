package io.qadataswap.cli;

import java.util.List;

/**
 * What the reading side of the demo tells the command: one of these, as a line of JSON.
 *
 * @param progress how far it is, or null
 * @param firstRows the beginning of a table, or null
 * @param result at the end, if everything arrived intact; or null
 */
record DemoReport(Progress progress, FirstRows firstRows, Result result) {
  /**
   * How far the reader is.
   *
   * @param messageCount messages received and checked
   */
  record Progress(long messageCount) {}

  /**
   * The beginning of a table.
   *
   * @param rowCount rows of the whole
   * @param batchCount batches of the whole
   * @param headings of the columns
   * @param rows the first ones
   */
  record FirstRows(long rowCount, int batchCount, List<String> headings, List<List<String>> rows) {}

  /**
   * What was measured.
   *
   * @param messageCount messages received and checked
   * @param rowCount rows received while streaming
   * @param byteCount bytes received while streaming
   * @param durationNs of streaming
   * @param medianNs from a message's commit until the reader has it, one message under way at a
   *     time
   * @param p99Ns the same, the 99th percentile
   */
  record Result(
      long messageCount,
      long rowCount,
      long byteCount,
      long durationNs,
      long medianNs,
      long p99Ns) {}

  static DemoReport of(Progress progress) {
    return new DemoReport(progress, null, null);
  }

  static DemoReport of(FirstRows firstRows) {
    return new DemoReport(null, firstRows, null);
  }

  static DemoReport of(Result result) {
    return new DemoReport(null, null, result);
  }
}
