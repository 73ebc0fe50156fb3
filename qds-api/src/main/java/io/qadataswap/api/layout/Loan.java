package io.qadataswap.api.layout;

import io.qadataswap.api.Region;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A message on loan: its bytes stay as they are until the last reference is released. The open
 * message is one reference; a decoded view that may outlive it takes another by {@link #retain()}.
 *
 * <p>{@link #retain()} and {@link #release()} may be called from any thread.
 */
public final class Loan {
  private static final VarHandle REFERENCES;

  static {
    try {
      REFERENCES = MethodHandles.lookup().findVarHandle(Loan.class, "references", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Region region = new Region();
  private RingReader reader;
  private long sequence;
  private long tag;
  private long timeNs;
  private long handle;

  @SuppressWarnings("unused") // through REFERENCES
  private volatile int references;

  /** Creates a closed loan. */
  public Loan() {}

  /**
   * Opens the loan with one reference. Called by layouts, which have opened {@link #region()}
   * before.
   *
   * @param reader that lends
   * @param sequence of the message
   * @param tag of the message
   * @param timeNs of the message, monotonic, 0 if not taken
   * @param handle whatever the reader needs to take it back
   */
  @SuppressWarnings("ReferenceEquality") // the very object, to spare a store
  public void open(RingReader reader, long sequence, long tag, long timeNs, long handle) {
    // Storing a reference costs the garbage collector's barrier; it is the same one nearly always.
    if (this.reader != reader) {
      this.reader = reader;
    }
    this.sequence = sequence;
    this.tag = tag;
    this.timeNs = timeNs;
    this.handle = handle;
    REFERENCES.setRelease(this, 1);
  }

  /**
   * Returns the bytes of the message, read-only.
   *
   * @return the region, open as long as the loan is
   */
  public Region region() {
    return region;
  }

  /**
   * Returns the message's number since the channel was created, from 0.
   *
   * @return the sequence
   */
  public long sequence() {
    return sequence;
  }

  /**
   * Returns the tag that the writer gave.
   *
   * @return the tag
   */
  public long tag() {
    return tag;
  }

  /**
   * Returns the time of the commit.
   *
   * @return monotonic nanoseconds of this machine ({@link System#nanoTime()} on Linux), 0 if not
   *     taken
   */
  public long timeNs() {
    return timeNs;
  }

  /**
   * Returns what the reader needs to take the loan back.
   *
   * @return the value given to {@link #open}
   */
  public long handle() {
    return handle;
  }

  /**
   * Returns whether the loan still has a reference.
   *
   * @return whether the bytes are still lent
   */
  public boolean isOpen() {
    return (int) REFERENCES.getAcquire(this) > 0;
  }

  /**
   * Adds a reference. Only who holds one may do so.
   *
   * @throws IllegalStateException if the loan is closed already
   */
  public void retain() {
    int count;
    do {
      count = (int) REFERENCES.getAcquire(this);
      if (count <= 0) {
        throw new IllegalStateException("the loan of message " + sequence + " is closed");
      }
    } while (!REFERENCES.compareAndSet(this, count, count + 1));
  }

  /**
   * Drops a reference; the last one gives the memory back to the writer. Does not block.
   *
   * @throws IllegalStateException if the loan is closed already
   */
  public void release() {
    // Who holds the only reference needs no atomic decrement: nobody else may retain or release.
    int before = (int) REFERENCES.getAcquire(this);
    if (before == 1) {
      REFERENCES.setRelease(this, 0);
    } else {
      before = (int) REFERENCES.getAndAdd(this, -1);
    }
    if (before <= 0) {
      REFERENCES.setRelease(this, 0);
      throw new IllegalStateException("the loan of message " + sequence + " is closed already");
    }
    if (before == 1) {
      region.close();
      reader.release(this);
    }
  }
}
