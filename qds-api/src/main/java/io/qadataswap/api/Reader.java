package io.qadataswap.api;

import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingReader;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Consumer;

/**
 * The reading end of a channel.
 *
 * <p>Threads: used by one thread at a time; it may be handed over between calls. A second thread
 * that comes while a call is under way is refused with {@link IllegalStateException}. {@link
 * #stats()}, {@link #close()} and {@link Message#close()} may be called from any thread.
 *
 * <p>What {@link #read(Duration)} can end in:
 *
 * <table>
 *   <caption>Outcomes</caption>
 *   <tr><th>outcome</th><th>how it shows</th></tr>
 *   <tr><td>a message</td><td>a {@link Message} to be closed</td></tr>
 *   <tr><td>time-out</td><td>null, {@link #isEnded()} is false</td></tr>
 *   <tr><td>clean end: the writer closed, everything was read</td>
 *       <td>null, {@link #isEnded()} is true</td></tr>
 *   <tr><td>the writer died, everything was read</td>
 *       <td>{@link QdsException} with reason {@code WRITER_DIED}, unless the reader was opened to
 *       await a successor</td></tr>
 *   <tr><td>interrupt</td><td>{@link InterruptedException}; the reader stays usable</td></tr>
 *   <tr><td>the reader was closed, before or meanwhile</td>
 *       <td>{@link QdsException} with reason {@code CLOSED}</td></tr>
 *   <tr><td>the reader lost its place</td>
 *       <td>{@link QdsException} with reason {@code EVICTED} or {@code LOCK_LOST}</td></tr>
 *   <tr><td>the message or the segment is damaged</td>
 *       <td>{@link QdsException} with reason {@code CORRUPT}; a damaged message is passed over, so the
 *       next read goes on behind it</td></tr>
 * </table>
 *
 * {@snippet file="io/qadataswap/api/example/Examples.java" region="reader" id="snippet-reader"}
 *
 * @param <T> the type of the values
 */
public final class Reader<T> implements AutoCloseable, Iterable<Message<T>> {
  private final String name;
  private final RingReader ring;
  private final Decoder<T> decoder;
  private final UseGuard guard;
  private final CloseReminder reminder;

  /** A closed message that no user holds. */
  private Message<T> spare;

  /** The message that an iterator took last. */
  private Message<T> iterated;

  /** The thread that iterates: only it may close the message under the loop's body. */
  private long iteratingThreadId;

  /** Whether the iterator has returned it. */
  private boolean handedOut;

  Reader(String name, RingReader ring, Codec<T> codec) {
    this.name = name;
    this.ring = ring;
    this.guard = new UseGuard("reader", name, ring::interruptWait, this::closeNow);
    this.decoder = codec.newDecoder(name, ring.validateFully());
    this.reminder = new CloseReminder(this, "reader of channel " + name);
  }

  /**
   * Returns the channel's name.
   *
   * @return the name
   */
  public String name() {
    return name;
  }

  /**
   * Returns the sequence of the first message that this reader is due.
   *
   * @return the sequence at which it started
   */
  public long startSequence() {
    return ring.startSequence();
  }

  /**
   * Waits for the next message as long as it takes.
   *
   * @return the message, or null at the end of the stream
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public Message<T> read() throws InterruptedException {
    return receive(Long.MAX_VALUE);
  }

  /**
   * Waits for the next message for a limited time.
   *
   * @param timeout longest wait
   * @return the message, or null after the time-out and at the end of the stream
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public Message<T> read(Duration timeout) throws InterruptedException {
    return receive(Writer.toNs(timeout));
  }

  /**
   * Takes the next message if it is there. Does not block. Allocates only if there is one.
   *
   * @return the message, or null
   */
  public Message<T> poll() {
    return receiveNow();
  }

  /**
   * Hands the messages that are there to a handler. Does not block, and allocates nothing for a
   * message: the handler sees the same {@link Message} object each time, which is closed when it
   * returns, normally or by an exception.
   *
   * @param handler called for each message on this thread; must not keep the message
   * @param limit most messages to hand over
   * @return the number of messages handed over
   */
  public int drain(Consumer<? super Message<T>> handler, int limit) {
    int count = 0;
    while (count < limit) {
      Message<T> message = receiveNow();
      if (message == null) {
        break;
      }
      count++;
      try {
        handler.accept(message);
      } finally {
        message.close();
        keepForReuse(message);
      }
    }
    return count;
  }

  /**
   * Returns an iterator that waits for each message and closes the one before; the loop ends with
   * the stream. It allocates nothing for a message: it returns the same {@link Message} object each
   * time, unless the last one's memory is still held. An interrupt ends the loop with a {@link
   * QdsException} of reason {@code INTERRUPTED} and leaves the thread's interrupt status set.
   *
   * <p>After leaving the loop early, the last message is closed by the next call of this reader's
   * iterators or {@link #close()}, or by the caller.
   *
   * @return the iterator; one at a time
   */
  @Override
  public Iterator<Message<T>> iterator() {
    return new Messages();
  }

  /**
   * Returns whether the writer has closed the channel and every message was read.
   *
   * @return whether no message will come any more
   */
  public boolean isEnded() {
    return ring.isEnded();
  }

  /**
   * Returns counters. May be called from any thread, also while a call is under way.
   *
   * @return a snapshot
   * @throws QdsException with reason {@code CLOSED} after {@link #close()}
   */
  public ReaderStats stats() {
    return guard.whileOpen(ring::stats);
  }

  /**
   * Leaves the channel. May be called from any thread; a blocked call ends with reason {@code
   * CLOSED}. Messages that are still open stay valid; the memory is given back when the last one is
   * closed. Idempotent.
   */
  @Override
  public void close() {
    reminder.closed();
    guard.close();
  }

  void closeMessage(Message<T> message, T value, Loan loan) {
    try {
      if (Debug.ON) {
        message.requireUnchanged();
      }
    } finally {
      try {
        decoder.release(value);
      } finally {
        release(loan);
      }
    }
  }

  private void release(Loan loan) {
    try {
      loan.release();
    } catch (InternalError e) {
      throw Failures.cutShort(name, e);
    }
  }

  private Message<T> receiveNow() {
    try {
      guard.enter();
      try {
        Message<T> message = closedMessage();
        return ring.poll(message.loan()) ? decode(message) : null;
      } finally {
        guard.exit();
      }
    } catch (InternalError e) {
      guard.exitLate();
      throw Failures.cutShort(name, e);
    }
  }

  private Message<T> receive(long timeoutNs) throws InterruptedException {
    try {
      guard.enter();
      try {
        Message<T> message = closedMessage();
        return ring.await(message.loan(), timeoutNs) ? decode(message) : null;
      } finally {
        guard.exit();
      }
    } catch (InternalError e) {
      guard.exitLate();
      throw Failures.cutShort(name, e);
    }
  }

  private Message<T> closedMessage() {
    Message<T> message = spare;
    if (message == null) {
      message = new Message<>(this, new Loan());
      spare = message;
    }
    return message;
  }

  private Message<T> decode(Message<T> message) {
    spare = null;
    boolean decoded = false;
    try {
      message.open(decoder.decode(message.loan()));
      decoded = true;
      return message;
    } finally {
      if (!decoded) {
        release(message.loan());
      }
    }
  }

  /** A view may have retained the loan beyond its message: then the object is not free yet. */
  private void keepForReuse(Message<T> message) {
    if (!message.loan().isOpen()) {
      spare = message;
    }
  }

  private void closeNow() {
    try {
      if (iteratingThreadId == Thread.currentThread().getId()) {
        closeIterated();
      }
      ring.close();
    } catch (InternalError e) {
      throw Failures.cutShort(name, e);
    } finally {
      decoder.close();
    }
  }

  /** Closes what an iterator has taken last, so that it is not held for ever. */
  private void closeIterated() {
    Message<T> message = iterated;
    if (message != null) {
      iterated = null;
      message.close();
      keepForReuse(message);
    }
  }

  /** All iterators go on where the last one stopped. */
  private final class Messages implements Iterator<Message<T>> {
    @Override
    public boolean hasNext() {
      if (iterated == null || handedOut) {
        closeIterated();
        handedOut = false;
        iteratingThreadId = Thread.currentThread().getId();
        try {
          iterated = receive(Long.MAX_VALUE);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new QdsException(
              QdsException.Reason.INTERRUPTED,
              "channel=" + name + ": interrupted while waiting for a message",
              e);
        }
      }
      return iterated != null;
    }

    @Override
    public Message<T> next() {
      if (!hasNext()) {
        throw new NoSuchElementException("channel=" + name + ": the stream has ended");
      }
      handedOut = true;
      return iterated;
    }
  }
}
