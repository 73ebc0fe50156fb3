package io.qadataswap.api;

/**
 * A region of the channel's memory that the writer fills in place. It ends with {@link #commit} or
 * {@link #abort}; closing it without either aborts it.
 *
 * <p>Used by the thread that uses the writer. A writer has at most one open claim.
 *
 * {@snippet file="io/qadataswap/api/example/Examples.java" region="claim" id="snippet-claim"}
 */
public final class Claim implements AutoCloseable {
  private final Writer<?> writer;
  private boolean open;

  /** How the last claim ended. */
  private boolean committed;

  Claim(Writer<?> writer) {
    this.writer = writer;
  }

  void open() {
    open = true;
  }

  void end(boolean byCommit) {
    open = false;
    committed = byCommit;
  }

  /**
   * Returns the memory to fill. Its first byte lies at a multiple of 64. What it holds before is
   * whatever was there.
   *
   * @return the region, valid until the claim ends
   * @throws IllegalStateException if the claim has ended
   */
  public Region region() {
    checkOpen("region");
    return writer.ring().region();
  }

  /**
   * Publishes what was filled in, with tag 0. See {@link #commit(long, long)}.
   *
   * @param length bytes used, from the start of the region
   * @return the message's sequence
   */
  public long commit(long length) {
    return commit(length, 0);
  }

  /**
   * Publishes what was filled in. Does not block.
   *
   * @param length bytes used, from the start of the region; at most what was claimed
   * @param tag a value that travels with the message
   * @return the message's sequence
   * @throws IllegalArgumentException if the length is not within the claim; the claim stays open
   * @throws IllegalStateException if the claim has ended, saying how
   * @throws QdsException with reason {@code REPLACED}, {@code LOCK_LOST} or {@code CLOSED}: nothing
   *     was published
   */
  public long commit(long length, long tag) {
    checkOpen("commit");
    long claimed = writer.ring().region().length();
    if (length < 0 || length > claimed) {
      throw new IllegalArgumentException(
          "channel=" + writer.name() + " length=" + length + " allowed=0 to " + claimed);
    }
    return writer.commitClaim(length, tag);
  }

  /**
   * Gives the region up; nothing is published.
   *
   * @throws IllegalStateException if the claim has ended, saying how
   */
  public void abort() {
    checkOpen("abort");
    writer.abortClaim();
  }

  /** Aborts the claim if it is still open. */
  @Override
  public void close() {
    if (open) {
      abort();
    }
  }

  private void checkOpen(String operation) {
    if (Debug.ON && open && !writer.isUsedByCurrentThread()) {
      throw new IllegalStateException(
          operation
              + " on a claim of channel "
              + writer.name()
              + " by thread="
              + Thread.currentThread().getName()
              + " allowed=the thread that made the claim; commit or abort it there");
    }
    if (!open) {
      throw new IllegalStateException(
          operation
              + " on a claim of channel "
              + writer.name()
              + " that was "
              + (committed ? "committed" : "aborted")
              + " before");
    }
  }
}
