package io.qadataswap.codec.raw;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Writer;
import java.util.Objects;

/**
 * Claims memory of a channel as a {@link RawBatch}, to be filled in place: no value is copied, and
 * nothing is allocated for a message.
 *
 * <p>One object serves a writer and a schema for any number of messages: {@link #open} a claim,
 * fill its columns, {@link #commit} or {@link #abort} it; closing aborts one that is still open. A
 * writer has one claim at a time. Used by the thread that uses the writer.
 *
 * {@snippet :
 * RawClaim trades = RawClaim.on(writer, schema);
 * try (RawClaim claim = trades) {
 *   RawBatch batch = claim.open(100, 4096);
 *   RawColumn price = batch.column("price");
 *   for (int row = 0; row < 100; row++) {
 *     price.setDouble(row, 10.5);
 *   }
 *   claim.commit(100);
 * }
 * }
 */
public final class RawClaim implements AutoCloseable {
  private final Writer<RawBatch> writer;
  private final RawBatch batch;
  private Claim claim;

  private RawClaim(Writer<RawBatch> writer, RawSchema schema) {
    this.writer = writer;
    this.batch = new RawBatch(schema, new Faults(writer.name()), true);
  }

  /**
   * Prepares claims. Allocates.
   *
   * @param writer of the channel; not closed by this object
   * @param schema of the batches
   * @return an object without an open claim
   */
  public static RawClaim on(Writer<RawBatch> writer, RawSchema schema) {
    return new RawClaim(Objects.requireNonNull(writer, "writer"), schema);
  }

  /**
   * Claims room for a batch; waits for it as long as it takes, see {@link Writer#claim}.
   *
   * @param rowCapacity most rows
   * @param dataCapacity most bytes of each column of texts or bytes
   * @return the batch to fill; the same object for every claim
   * @throws InterruptedException if the thread was interrupted while it waited
   * @throws IllegalStateException if a claim is open
   */
  public RawBatch open(int rowCapacity, long dataCapacity) throws InterruptedException {
    return begin(writer.claim(place(rowCapacity, dataCapacity)));
  }

  /**
   * Claims room for a batch; waits for it as long as it takes, see {@link Writer#claim}.
   *
   * @param rowCapacity most rows
   * @param dataCapacities most bytes of the texts or bytes of each column, by its index
   * @return the batch to fill; the same object for every claim
   * @throws InterruptedException if the thread was interrupted while it waited
   * @throws IllegalStateException if a claim is open
   */
  public RawBatch open(int rowCapacity, long[] dataCapacities) throws InterruptedException {
    requireNone();
    if (dataCapacities.length != batch.columns().size()) {
      throw new IllegalArgumentException(
          "dataCapacities="
              + dataCapacities.length
              + " allowed="
              + batch.columns().size()
              + ", one for each column");
    }
    for (int i = 0; i < dataCapacities.length; i++) {
      batch.column(i).dataCapacity(dataCapacities[i]);
    }
    return begin(writer.claim(batch.place(rowCapacity)));
  }

  /**
   * Claims room for a batch if there is some now. Does not block.
   *
   * @param rowCapacity most rows
   * @param dataCapacity most bytes of each column of texts or bytes
   * @return the batch to fill, or null
   * @throws IllegalStateException if a claim is open
   */
  public RawBatch tryOpen(int rowCapacity, long dataCapacity) {
    return begin(writer.tryClaim(place(rowCapacity, dataCapacity)));
  }

  /**
   * Publishes the batch with tag 0, see {@link #commit(int, long)}.
   *
   * @param rowCount rows that were filled
   * @return the message's sequence
   */
  public long commit(int rowCount) {
    return commit(rowCount, 0);
  }

  /**
   * Publishes the batch: stores what describes it, and commits. Does not block. Rows of columns of
   * texts or bytes that were not set are empty.
   *
   * @param rowCount rows that were filled, up to the capacity
   * @param tag a value that travels with the message
   * @return the message's sequence
   * @throws IllegalArgumentException if there are more rows than were claimed; the claim stays open
   * @throws IllegalStateException if no claim is open
   * @see Claim#commit(long, long)
   */
  public long commit(int rowCount, long tag) {
    requireOpen("commit");
    long length = batch.complete(rowCount);
    Claim ending = claim;
    claim = null;
    return ending.commit(length, tag);
  }

  /**
   * Gives the claim up; nothing is published.
   *
   * @throws IllegalStateException if no claim is open
   */
  public void abort() {
    requireOpen("abort");
    Claim ending = claim;
    claim = null;
    ending.abort();
  }

  /** Aborts the claim if one is open. The object can be used on. */
  @Override
  public void close() {
    if (claim != null) {
      Claim ending = claim;
      claim = null;
      ending.close(); // does nothing where the writer's close() has ended the claim before
    }
  }

  private long place(int rowCapacity, long dataCapacity) {
    requireNone();
    for (int i = 0; i < batch.columns().size(); i++) {
      batch.column(i).dataCapacity(dataCapacity);
    }
    return batch.place(rowCapacity);
  }

  private RawBatch begin(Claim opened) {
    if (opened == null) {
      return null;
    }
    claim = opened;
    batch.begin(opened.region());
    return batch;
  }

  private void requireNone() {
    if (claim != null) {
      throw new IllegalStateException(
          "open on a claim of channel "
              + writer.name()
              + " that is open: commit or abort it first");
    }
  }

  private void requireOpen(String operation) {
    if (claim == null) {
      throw new IllegalStateException(
          operation + " on channel " + writer.name() + " without an open claim: call open first");
    }
  }
}
