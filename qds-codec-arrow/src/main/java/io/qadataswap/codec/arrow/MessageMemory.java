package io.qadataswap.codec.arrow;

import io.qadataswap.api.Region;
import io.qadataswap.api.layout.Loan;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OwnershipTransferResult;
import org.apache.arrow.memory.ReferenceManager;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Counts the references to the memory of one open message, for the buffers that show parts of it.
 * The message is accounted when the first buffer is made. Its table holds {@link #OWN_REFERENCES};
 * while others are left when the table is closed, the loan goes on.
 *
 * <p>When all are gone, the object serves another message, and the buffers that it made before
 * serve again wherever a message lies at the same place: Arrow's buffers cannot be pointed to
 * another address, and payloads return to the same places soon. Where a message has the metadata of
 * the one before, and nobody else holds a part when the table is closed, the vectors even stay
 * loaded. Whoever goes on using a vector, or a buffer that he has not retained, is refused until
 * then.
 *
 * <p>Inside one allocator the count is this object's own, which costs a fraction of what Arrow's
 * books cost for each message. A buffer that goes to another allocator moves the message into those
 * books, where several allocators share it.
 *
 * <p>{@link #open}, {@link #buffer} and {@link #ones} belong to the decoder's thread; any thread
 * may retain, release and transfer.
 */
final class MessageMemory implements ReferenceManager {
  /**
   * More than one, so that a user who releases too often does not cut the vectors off before they
   * are emptied.
   */
  private static final int OWN_REFERENCES = 1 << 16;

  private static final int LEAST_KNOWN = 1 << 4;

  /** Enough for the places of 1 MiB of small messages, 56 bytes for each. */
  private static final int MOST_KNOWN = 1 << 14;

  /** Stands for batches that no other message repeats. */
  static final long UNIQUE = 0;

  private static final VarHandle REFERENCES;

  static {
    try {
      REFERENCES =
          MethodHandles.lookup().findVarHandle(MessageMemory.class, "references", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ChannelAllocator allocator;
  private final ValidBits validBits;
  private LoadedBatch batch;

  /** Buffers, by their addresses modulo a power of two. */
  private ArrowBuf[] known = new ArrowBuf[LEAST_KNOWN];

  private int unknownCount;

  private Loan loan;
  private long address;
  private long length;
  private boolean accounted;

  /**
   * Whether the references that vectors take or drop are counted by {@link #loadedCount}: while
   * they are loaded, and while they are cleared, if nobody else holds any then. Nobody else may
   * take one without holding one, so that spares an atomic operation for each buffer.
   */
  private boolean alone;

  /** References that the loaded vectors took. */
  private int loadedCount;

  /** Identifies the metadata with which vectors may stay loaded, or {@link #UNIQUE}. */
  private long repeatable = UNIQUE;

  /** References that they hold then. */
  private int repeatableCount;

  /** Whether they are loaded though the message is closed. */
  private boolean staysLoaded;

  /** Whether the table still holds its references: then nobody may drop the last one. */
  private volatile boolean tableOpen;

  /** Whether the table was closed while others held references, so that the loan is retained. */
  private boolean outlivesTable;

  /** All of the message in Arrow's books, once another allocator has asked for a part; or null. */
  private ArrowBuf inBooks;

  @SuppressWarnings("unused") // through REFERENCES
  private volatile int references;

  /** Whether no message uses this object: the last thing that ending one stores. */
  private volatile boolean free = true;

  MessageMemory(ChannelAllocator allocator, ValidBits validBits) {
    this.allocator = allocator;
    this.validBits = validBits;
  }

  boolean isFree() {
    return free;
  }

  /** Returns the address of the last message. */
  long address() {
    return address;
  }

  /**
   * Begins to load a message.
   *
   * @param metadata identifies that of its batch, or is {@link #UNIQUE}
   * @return whether the vectors show it as they are
   */
  boolean open(Loan message, long metadata) {
    Region region = message.region();
    boolean shown =
        staysLoaded
            && metadata == repeatable
            && address == region.address()
            && length == region.length()
            && batch.isAsNoted()
            && batch.endsAsNoted();
    alone = true;
    if (staysLoaded && !shown) {
      batch.clear();
    }
    staysLoaded = false;
    if (shown) {
      loadedCount = repeatableCount;
    } else {
      loadedCount = 0;
      repeatable = UNIQUE;
    }
    loan = message;
    address = region.address();
    length = region.length();
    accounted = false;
    outlivesTable = false;
    tableOpen = true;
    free = false;
    REFERENCES.setRelease(this, OWN_REFERENCES);
    return shown;
  }

  /** Lets vectors of one batch stay loaded for messages with the same metadata, if they can. */
  void repeatable(long metadata) {
    if (repeatable == UNIQUE && accounted && batch.note()) {
      repeatable = metadata;
      repeatableCount = loadedCount;
    }
  }

  /** From now on every reference that vectors and users take or drop counts. */
  void loaded() {
    alone = false;
    REFERENCES.setRelease(this, OWN_REFERENCES + loadedCount);
  }

  /**
   * Gives the message back and leaves the vectors of its only batch loaded, if they may be, and if
   * nobody else holds a part.
   *
   * @return whether that is done
   */
  @SuppressWarnings("ReferenceEquality") // the very list
  boolean closeLoaded(List<VectorSchemaRoot> batches) {
    if (repeatable == UNIQUE
        || batches != batch.roots()
        || !batch.isAsNoted()
        || !REFERENCES.compareAndSet(this, OWN_REFERENCES + loadedCount, 0)) {
      return false;
    }
    batch.setRowCount(0);
    staysLoaded = true;
    tableOpen = false;
    end();
    return true;
  }

  /** The table is about to clear its vectors, and will close this. */
  void clearing() {
    alone = (int) REFERENCES.getAcquire(this) == OWN_REFERENCES + loadedCount;
  }

  /** Returns the vectors that the last message left, if they have this layout, or new ones. */
  LoadedBatch batch(TableLayout layout) {
    if (batch == null || !batch.fits(layout)) {
      batch = new LoadedBatch(layout, allocator.allocator());
    }
    return batch;
  }

  /** Empties the vectors of a message with this one batch, unless somebody holds parts of it. */
  @SuppressWarnings("ReferenceEquality") // the very list
  boolean clearBatch(List<VectorSchemaRoot> batches) {
    if (alone && batch != null && batches == batch.roots()) {
      batch.clear();
      return true;
    }
    return false;
  }

  /** Returns a buffer over a part of the message, without a reference of its own. */
  ArrowBuf buffer(long position, long byteCount) {
    account();
    return at(address + position, byteCount);
  }

  /** Returns a buffer of ones, which are not the message's, without a reference of its own. */
  ArrowBuf ones(long byteCount) {
    return at(validBits.address(byteCount), byteCount);
  }

  private ArrowBuf at(long start, long byteCount) {
    // Buffers that start in different lines of a stretch of the arena do not get into each other's
    // way.
    int place = (int) (start / BatchMetadata.ALIGNMENT) & known.length - 1;
    ArrowBuf buffer = known[place];
    if (buffer == null || buffer.memoryAddress() != start || buffer.capacity() != byteCount) {
      buffer = new ArrowBuf(this, null, byteCount, start);
      if (unknownCount++ > known.length && known.length < MOST_KNOWN) {
        known = new ArrowBuf[known.length * 4];
        unknownCount = 0;
      } else {
        known[place] = buffer;
      }
    }
    buffer.readerIndex(0);
    buffer.writerIndex(byteCount);
    return buffer;
  }

  /** Accounts the message, if that is not done. */
  void account() {
    if (accounted) {
      return;
    }
    if (RootAllocator.isDebug()) {
      // Arrow then compares the sum of its books with what is accounted.
      inBooks = enterIntoBooks();
    } else {
      allocator.account(length);
    }
    accounted = true;
  }

  /**
   * Drops the table's references. The message is given back now, or with the last reference.
   *
   * @return false if some of them were gone: somebody has released more than he retained
   */
  boolean close() {
    if (alone) {
      loaded();
    }
    tableOpen = false;
    int left = (int) REFERENCES.getAcquire(this);
    if (left == OWN_REFERENCES) {
      // Nobody else holds one, so nobody else may take one.
      REFERENCES.setRelease(this, 0);
      end();
      return true;
    }
    if (left > OWN_REFERENCES) {
      loan.retain();
      outlivesTable = true;
    }
    release(Math.min(left, OWN_REFERENCES));
    return left > OWN_REFERENCES;
  }

  /** Gives the message back. Called once, by whoever dropped the last reference. */
  private void end() {
    Loan outliving = outlivesTable ? loan : null;
    try {
      ArrowBuf books = takeBooks();
      if (books != null) {
        books.close();
      } else if (accounted) {
        allocator.giveBack(length);
      }
    } finally {
      free = true;
      if (outliving != null) {
        outliving.release();
      }
      allocator.closeIfUnused();
    }
  }

  private synchronized ArrowBuf takeBooks() {
    ArrowBuf books = inBooks;
    inBooks = null;
    return books;
  }

  /** Returns the whole message in Arrow's books, which hold the loan for themselves. */
  private ArrowBuf enterIntoBooks() {
    Loan lent = loan;
    lent.retain();
    return allocator.wrap(address, length, lent::release);
  }

  /** Returns a buffer in Arrow's books that shows what another one does, with one reference. */
  private ArrowBuf inBooks(ArrowBuf source) {
    long start = source.memoryAddress();
    long byteCount = source.capacity();
    if (references == 0) {
      throw closed();
    }
    if (validBits.holds(start, byteCount)) {
      return allocator.wrap(start, byteCount, validBits::shownNoMore);
    }
    if (start < address || start + byteCount > address + length) {
      throw closed();
    }
    synchronized (this) {
      if (inBooks == null) {
        allocator.giveBack(length);
        try {
          inBooks = enterIntoBooks();
        } finally {
          if (inBooks == null) {
            allocator.accountAnyway(length);
          }
        }
      }
      ArrowBuf part = inBooks.slice(start - address, byteCount);
      part.getReferenceManager().retain();
      return part;
    }
  }

  private static IllegalStateException closed() {
    return new IllegalStateException(
        "the message of this buffer is closed: retain or transfer the buffer before, or copy what"
            + " is needed longer");
  }

  @Override
  public int getRefCount() {
    return references;
  }

  @Override
  public void retain() {
    retain(1);
  }

  @Override
  public void retain(int increment) {
    if (increment < 1) {
      throw new IllegalArgumentException("retain=" + increment + " allowed=1 or more");
    }
    int before;
    do {
      before = (int) REFERENCES.getAcquire(this);
      if (before <= 0) {
        throw closed();
      }
    } while (!REFERENCES.compareAndSet(this, before, before + increment));
  }

  @Override
  public boolean release() {
    return release(1);
  }

  @Override
  public boolean release(int decrement) {
    if (decrement < 1) {
      throw new IllegalStateException("release=" + decrement + " allowed=1 or more");
    }
    if (alone) {
      loadedCount -= decrement;
      return false;
    }
    if (staysLoaded) {
      // A vector of a closed message is cleared, late and needlessly.
      loadedCount -= decrement;
      return false;
    }
    int before;
    do {
      before = (int) REFERENCES.getAcquire(this);
      if (before - decrement < (tableOpen ? 1 : 0)) {
        throw new IllegalStateException(
            "release="
                + decrement
                + " of a buffer of which "
                + before
                + " references are left: what is received needs no release but closing its"
                + " message");
      }
    } while (!REFERENCES.compareAndSet(this, before, before - decrement));
    if (before == decrement) {
      end();
    }
    return before == decrement;
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // the very allocator
  public ArrowBuf retain(ArrowBuf source, BufferAllocator target) {
    if (target == allocator.allocator()) {
      if (alone) {
        loadedCount++;
        return source;
      }
      retain();
      return sameIndexes(source, deriveBuffer(source, 0, source.capacity()));
    }
    try (ArrowBuf part = inBooks(source)) {
      return sameIndexes(source, part.getReferenceManager().retain(part, target));
    }
  }

  @Override
  public ArrowBuf deriveBuffer(ArrowBuf source, long index, long byteCount) {
    return new ArrowBuf(this, null, byteCount, source.memoryAddress() + index);
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // the very allocator
  public OwnershipTransferResult transferOwnership(ArrowBuf source, BufferAllocator target) {
    if (target == allocator.allocator()) {
      return new Transfer(retain(source, target));
    }
    try (ArrowBuf part = inBooks(source)) {
      OwnershipTransferResult result = part.getReferenceManager().transferOwnership(part, target);
      sameIndexes(source, result.getTransferredBuffer());
      return result;
    }
  }

  private static ArrowBuf sameIndexes(ArrowBuf source, ArrowBuf derived) {
    derived.readerIndex(source.readerIndex());
    derived.writerIndex(source.writerIndex());
    return derived;
  }

  @Override
  public BufferAllocator getAllocator() {
    return allocator.allocator();
  }

  @Override
  public long getSize() {
    return length;
  }

  @Override
  public long getAccountedSize() {
    return accounted ? length : 0;
  }
}
