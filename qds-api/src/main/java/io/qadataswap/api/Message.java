package io.qadataswap.api;

import io.qadataswap.api.layout.Loan;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A received message on loan. Its memory is not reused before it is closed; close it soon, a writer
 * may be waiting for the room.
 *
 * <p>One thread at a time; {@link #close()} may be called from any thread.
 *
 * @param <T> the type of the value
 */
public final class Message<T> implements AutoCloseable {
  private static final VarHandle OPEN;

  static {
    try {
      OPEN = MethodHandles.lookup().findVarHandle(Message.class, "open", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Reader<T> reader;
  private final Loan loan;
  private T value;

  /** Of the bytes as they came, see {@link Debug}. */
  private long fingerprint;

  @SuppressWarnings("unused") // through OPEN
  private volatile boolean open;

  Message(Reader<T> reader, Loan loan) {
    this.reader = reader;
    this.loan = loan;
  }

  @SuppressWarnings("ReferenceEquality") // the very object, to spare a store
  void open(T decoded) {
    // Storing a reference costs the garbage collector's barrier; codecs that can reuse their
    // values.
    if (value != decoded) {
      value = decoded;
    }
    if (Debug.ON) {
      fingerprint = Debug.fingerprint(loan.region());
    }
    OPEN.setRelease(this, true);
  }

  void requireUnchanged() {
    if (Debug.fingerprint(loan.region()) != fingerprint) {
      throw new QdsException(
          QdsException.Reason.CORRUPT,
          "channel="
              + reader.name()
              + " message "
              + loan.sequence()
              + ": its bytes changed while it was open; a program writes through a slice or an"
              + " address that it kept after its claim or message had ended");
    }
  }

  Loan loan() {
    return loan;
  }

  /**
   * Returns the value, a view of the channel's memory.
   *
   * @return the value, valid until this message is closed
   * @throws IllegalStateException if the message is closed
   */
  public T value() {
    T current = value;
    if (!(boolean) OPEN.getAcquire(this)) {
      throw new IllegalStateException(
          "message " + loan.sequence() + " of channel " + reader.name() + " is closed");
    }
    return current;
  }

  /**
   * Returns the undecoded bytes, read-only.
   *
   * @return the region, valid until this message is closed
   */
  public Region payload() {
    return loan.region();
  }

  /**
   * Returns the message's number since the channel was created, from 0.
   *
   * @return the sequence
   */
  public long sequence() {
    return loan.sequence();
  }

  /**
   * Returns the tag that the writer gave.
   *
   * @return the tag, 0 by default
   */
  public long tag() {
    return loan.tag();
  }

  /**
   * Returns the time of the commit.
   *
   * @return monotonic nanoseconds of this machine, comparable with {@link System#nanoTime()} on
   *     Linux; 0 if the writer did not take it
   */
  public long timeNs() {
    return loan.timeNs();
  }

  /** Ends the loan. Idempotent, does not block. */
  @Override
  public void close() {
    if (OPEN.compareAndSet(this, true, false)) {
      reader.closeMessage(this, value, loan);
    }
  }
}
