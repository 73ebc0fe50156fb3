package io.qadataswap.bench;

/** What one process does in a benchmark between two. */
interface Side extends AutoCloseable {
  /**
   * Does its part of so many rounds.
   *
   * @return results as "name=value", with spaces between
   */
  String run(long count) throws Exception;

  @Override
  void close();
}
