package io.qadataswap.tck;

import static io.qadataswap.tck.LayoutOptions.CHANNEL;
import static io.qadataswap.tck.LayoutOptions.LENGTH;
import static io.qadataswap.tck.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.IfExists;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.QdsProvider;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Timestamps;
import io.qadataswap.api.Trust;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingLayout;
import io.qadataswap.api.layout.RingReader;
import io.qadataswap.api.layout.RingWriter;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * What a layout must do, over a backend: a subclass names both, and says by the capability methods
 * what the layout does not have. What it lacks it must refuse; the rules for it are skipped, with
 * the name of the method. The rules are those of chapter 2 of {@code qds-tck/spec/spi.md}.
 *
 * <p>Where the layout does not work over the backend ({@link #refusesBackend()}), only the refusal
 * is tested. The rules for the death of a process start a second JVM with this one's path.
 */
public abstract class RingLayoutTck {
  private static final long CAPACITY = 1 << 20;
  private static final int MESSAGE_SLOTS = 16;
  private static final long SHORT_NS = 20_000_000;

  /** What something that is to happen soon may take before the rule counts as broken. */
  private final long patienceSeconds = Long.getLong("qds.tck.patienceSeconds", 60);

  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private ChannelProvider backend;
  private RingLayout layout;
  private Path directory;

  /** Called by subclasses. */
  protected RingLayoutTck() {}

  /**
   * Returns which layout to test.
   *
   * @return the provider's name
   */
  protected abstract String layout();

  /**
   * Returns over which backend to test it.
   *
   * @return the provider's name
   */
  protected abstract String backend();

  /**
   * Returns the layout itself.
   *
   * @return by default what the service loader finds by the name
   */
  protected RingLayout newLayout() {
    return Plugins.layout(layout());
  }

  /**
   * Returns flags that a second JVM needs for the backend, on the class path.
   *
   * @return flags of the JVM; none by default
   */
  protected List<String> flags() {
    return List.of();
  }

  /**
   * Changes the options of the tests' channels to such as the layout takes.
   *
   * @param options of 1 MiB and 16 messages
   * @return options of a channel for a few messages of some kilobytes; the same by default
   */
  protected WriterOptions adapt(WriterOptions options) {
    return options;
  }

  /**
   * Returns whether the layout cannot work over this backend.
   *
   * @return false by default; true: RL-02 is tested, and nothing else
   */
  protected boolean refusesBackend() {
    return false;
  }

  /**
   * Returns whether every reader sees every message.
   *
   * @return true by default; false: each message goes to one of the readers
   */
  protected boolean broadcasts() {
    return true;
  }

  /**
   * Returns whether there are readers that never hold the writer back.
   *
   * @return true by default; false: {@link ReaderMode#OBSERVER} is refused
   */
  protected boolean observes() {
    return true;
  }

  /**
   * Returns whether a channel can drop its oldest messages.
   *
   * @return true by default; false: {@link OverflowPolicy#DROP_OLDEST} is refused
   */
  protected boolean dropsOldest() {
    return true;
  }

  /**
   * Returns whether readers may choose where to start.
   *
   * @return true by default; false: all but {@link StartPosition#oldest()} is refused
   */
  protected boolean choosesStart() {
    return true;
  }

  /**
   * Returns whether a writer goes on with a channel whose writer has left or died.
   *
   * @return true by default
   */
  protected boolean takesOver() {
    return true;
  }

  /**
   * Returns whether a channel whose writer has closed keeps what nobody has read.
   *
   * @return true by default
   */
  protected boolean keepsUnread() {
    return true;
  }

  /**
   * Returns whether the death of a process is noticed.
   *
   * @return true by default
   */
  protected boolean noticesDeath() {
    return true;
  }

  /**
   * Returns whether a message carries its tag.
   *
   * @return true by default; false: all but 0 is refused
   */
  protected boolean carriesTags() {
    return true;
  }

  /**
   * Returns whether a message carries the time of its commit, if asked for.
   *
   * @return true by default; false: times arrive as 0
   */
  protected boolean carriesTimes() {
    return true;
  }

  /**
   * Returns whether the codec's id stands in the segment.
   *
   * @return true by default
   */
  protected boolean storesCodec() {
    return true;
  }

  @BeforeEach
  void findPlugins() throws IOException {
    backend = Plugins.backend(backend());
    layout = newLayout();
    directory = KitDirectory.create();
  }

  @AfterEach
  void removeFiles() throws Exception {
    try {
      while (!opened.isEmpty()) {
        opened.pop().close();
      }
      removeChannel();
    } finally {
      if (directory != null) {
        KitDirectory.delete(directory);
      }
    }
  }

  /** A layout may have more of a channel than the file in a directory. */
  private void removeChannel() {
    if (directory != null && layout.list(directory).contains(CHANNEL)) {
      layout.remove(directory, CHANNEL, true, backend);
    }
  }

  private void requireBackend() {
    assumeFalse(refusesBackend(), () -> layout() + " does not work over the backend " + backend());
  }

  // ---------------------------------------------------------------- identity

  @Test
  @Tag("required")
  @DisplayName("RL-01 the provider says its name, rank and version of the interfaces")
  @IfThisFails("look at name() and apiVersion() of your RingLayout")
  void provider() {
    assertTrue(layout.name().matches("[a-z0-9-]+"), layout.name());
    assertEquals(layout(), layout.name());
    assertTrue(layout.rank() >= 0, () -> "rank=" + layout.rank());
    assertEquals(QdsProvider.API_VERSION, layout.apiVersion());
    assertNotNull(layout.unavailableReason());
  }

  @Test
  @Tag("required")
  @DisplayName("RL-02 a backend that the layout cannot work with is refused, with the remedy")
  @IfThisFails(
      "look at openWriter and openReader: try what you need of the backend before you create"
          + " anything, and name the module to add")
  void refusedBackend() {
    assumeTrue(refusesBackend(), () -> layout() + " works over the backend " + backend());
    WriterOptions options = adapt(LayoutOptions.writer(directory, CAPACITY, MESSAGE_SLOTS));
    for (Executable open :
        List.<Executable>of(
            () -> track(layout.openWriter(options, backend)),
            () -> track(layout.openReader(readerOptions(), backend)))) {
      Refusals.requireExplained(assertThrows(QdsException.class, open), layout(), backend());
    }
    assertEquals(List.of(), layout.list(directory), "nothing was created");
  }

  // ---------------------------------------------------------------- messages

  @Test
  @Tag("required")
  @DisplayName("RL-10 messages of all lengths arrive in order, whole, many times round the ring")
  @IfThisFails("look at where messages wrap around, and at the sequence that commit returns")
  void inOrder() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    long limit = largest(writer);
    assertEquals(0, reader.startSequence());
    for (int i = 0; i < 40 * MESSAGE_SLOTS; i++) {
      int length = Payloads.lengthOf(i, (int) Math.min(limit, 20_000));
      write(writer, i, length);
      Loan loan = take(reader, i);
      assertEquals(length, loan.region().length(), "length of message " + i);
      Payloads.check(loan.region(), i);
      loan.release();
    }
    assertFalse(reader.poll(new Loan()), "nothing more was written");
  }

  @Test
  @Tag("required")
  @DisplayName("RL-11 the tag travels with its message")
  @IfThisFails("look at where commit stores the tag, and in which width")
  void tags() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    for (long tag : new long[] {0, 1, -1, Long.MIN_VALUE, 0x0123_4567_89AB_CDEFL}) {
      claim(writer, 8);
      if (tag != 0 && !carriesTags()) {
        assertThrows(IllegalArgumentException.class, () -> writer.commit(8, tag));
        continue;
      }
      writer.commit(8, tag);
      Loan loan = next(reader);
      assertEquals(tag, loan.tag());
      loan.release();
    }
    assumeTrue(carriesTags(), () -> "carriesTags() is false: " + layout() + " has no tags");
  }

  @Test
  @Tag("required")
  @DisplayName(
      "RL-12 the time is that of the commit, to the microsecond, or 0 where none was asked for")
  @IfThisFails("look at the clock: it is System.nanoTime(), and at WriterOptions.timestamps()")
  void times() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    long before = System.nanoTime();
    write(writer, 0, LENGTH);
    long after = System.nanoTime();
    Loan timed = next(reader);
    long time = timed.timeNs();
    timed.release();
    if (!carriesTimes()) {
      assertEquals(0, time);
    }
    assumeTrue(carriesTimes(), () -> "carriesTimes() is false: " + layout() + " has no times");
    assertTrue(before - 1000 <= time && time <= after, before + " <= " + time + " <= " + after);
    closeNow(reader);
    closeNow(writer);
    RingWriter untimed = writer(LayoutOptions.timestamps(replacing(options()), Timestamps.NEVER));
    RingReader again = reader();
    write(untimed, 0, LENGTH);
    Loan loan = next(again);
    assertEquals(0, loan.timeNs());
    loan.release();
  }

  @Test
  @Tag("required")
  @DisplayName("RL-13 regions start at multiples of 64, claims are writable, messages are not")
  @IfThisFails("look at how you round offsets, and at the mapping's own start")
  void regions() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    for (int i = 0; i < 3 * MESSAGE_SLOTS; i++) {
      int length = 1 + 37 * (i % 5);
      claim(writer, length);
      Region claimed = writer.region();
      assertTrue(
          claimed.length() >= length, () -> "claimed=" + length + " got=" + claimed.length());
      assertEquals(0, claimed.address() % 64, "address of a claim");
      assertTrue(claimed.isWritable());
      Payloads.fill(claimed, i, length);
      writer.commit(length, 0);
      Loan loan = next(reader);
      Region message = loan.region();
      assertEquals(0, message.address() % 64, "address of a message");
      assertEquals(length, message.length());
      assertThrows(UnsupportedOperationException.class, () -> message.putByte(0, (byte) 0));
      loan.release();
    }
  }

  @Test
  @Tag("required")
  @DisplayName("RL-14 a message may be shorter than its claim, and empty")
  @IfThisFails("look at the length that commit stores: it is not that of the claim")
  void shorterThanClaimed() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    for (int length : new int[] {60, 1, 0}) {
      claim(writer, 100);
      Payloads.fill(writer.region(), length, length);
      writer.commit(length, 0);
      Loan loan = next(reader);
      assertEquals(length, loan.region().length());
      Payloads.check(loan.region(), length);
      loan.release();
    }
  }

  @Test
  @Tag("required")
  @DisplayName("RL-15 a claim that is given up publishes nothing and takes no sequence")
  @IfThisFails("look at what claim has taken already: room, a token, a sequence")
  void aborted() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    for (int i = 0; i < 3 * MESSAGE_SLOTS; i++) { // more than there is room for at once
      claim(writer, LENGTH);
      Payloads.fill(writer.region(), 99, LENGTH);
      writer.abort();
      assertFalse(reader.poll(new Loan()), "an aborted claim was published");
      write(writer, i, LENGTH);
      Loan loan = take(reader, i);
      Payloads.check(loan.region(), i);
      loan.release();
    }
  }

  @Test
  @Tag("required")
  @DisplayName("RL-16 the region of a claim is one object, closed by commit and by abort")
  @IfThisFails("look at region(): open the same Region for every claim, and close it at its end")
  void oneRegion() throws InterruptedException {
    RingWriter writer = writer();
    claim(writer, LENGTH);
    Region region = writer.region();
    assertTrue(region.isOpen());
    Payloads.fill(region, 0, LENGTH);
    writer.commit(LENGTH, 0);
    assertFalse(region.isOpen(), "open after commit");
    claim(writer, LENGTH);
    assertSame(region, writer.region());
    writer.abort();
    assertFalse(region.isOpen(), "open after abort");
  }

  @Test
  @Tag("required")
  @DisplayName("RL-17 the largest message arrives; a larger one is refused at once")
  @IfThisFails(
      "look at claim: compare with the largest message before anything else, and name what was"
          + " asked for and what is allowed")
  void largestMessage() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    long largest = largest(writer);
    for (int i = 0; i < 3; i++) {
      write(writer, i, Math.toIntExact(largest));
      Loan loan = take(reader, i);
      Payloads.check(loan.region(), i);
      loan.release();
    }
    for (long length : new long[] {largest + 1, 1L << 40, Long.MAX_VALUE}) {
      assertRefused(
          Reason.MESSAGE_TOO_LARGE,
          () -> writer.claim(length, Long.MAX_VALUE),
          CHANNEL,
          "" + length,
          "" + largest);
    }
    write(writer, 3, LENGTH);
    take(reader, 3).release();
  }

  // ---------------------------------------------------------------- readers

  @Test
  @Tag("required")
  @DisplayName("RL-20 every reader sees every message")
  @IfThisFails("look at cursors: each reader has its own, and the writer waits for the slowest")
  void everyReader() throws InterruptedException {
    assumeTrue(broadcasts(), () -> "broadcasts() is false: readers of " + layout() + " compete");
    RingWriter writer = writer();
    List<RingReader> readers = List.of(reader(), reader(), reader());
    for (int i = 0; i < 3 * MESSAGE_SLOTS; i++) {
      write(writer, i, LENGTH);
      for (RingReader reader : readers) {
        Loan loan = take(reader, i);
        Payloads.check(loan.region(), i);
        loan.release();
      }
    }
    write(writer, 0, 8);
    while (writer.claim(8, 0)) { // the first reader does not come: nobody's message is dropped
      writer.commit(8, 0);
      next(readers.get(1)).release();
    }
    assertEquals(3L * MESSAGE_SLOTS, next(readers.get(0)).sequence());
  }

  @Test
  @Tag("required")
  @DisplayName("RL-21 each message goes to exactly one of the readers")
  @IfThisFails("look at how two readers take a sequence: only one may get it")
  void competingReaders() throws Exception {
    assumeFalse(broadcasts(), () -> "broadcasts() is true: readers of " + layout() + " see all");
    RingWriter writer = writer();
    int count = 40 * MESSAGE_SLOTS;
    List<FutureTask<List<Long>>> tasks = new ArrayList<>();
    for (int r = 0; r < 3; r++) {
      RingReader reader = reader();
      tasks.add(
          start(() -> {
            List<Long> sequences = new ArrayList<>();
            Loan loan = new Loan();
            while (reader.await(loan, Long.MAX_VALUE)) {
              Payloads.check(loan.region(), loan.sequence());
              sequences.add(loan.sequence());
              loan.release();
            }
            return sequences;
          }));
    }
    for (int i = 0; i < count; i++) {
      awaitRoom(writer, i);
      Payloads.fill(writer.region(), i, LENGTH);
      writer.commit(LENGTH, 0);
    }
    closeNow(writer);
    List<Long> all = new ArrayList<>();
    for (FutureTask<List<Long>> task : tasks) {
      all.addAll(get(task));
    }
    assertEquals(LongStream.range(0, count).boxed().toList(), all.stream().sorted().toList());
  }

  @Test
  @Tag("required")
  @DisplayName("RL-22 a reader starts at the oldest message, after the newest, or at a sequence")
  @IfThisFails("look at ReaderOptions.start(), and at what a reader that attaches may still see")
  void startPositions() throws InterruptedException {
    RingWriter writer = writer();
    for (int i = 0; i < 5; i++) {
      write(writer, i, LENGTH);
    }
    if (!choosesStart()) {
      assertRefused(
          Reason.UNSUPPORTED,
          () ->
              track(
                  layout.openReader(
                      LayoutOptions.start(readerOptions(), StartPosition.latest()), backend)),
          CHANNEL);
    }
    assumeTrue(
        choosesStart(),
        () -> "choosesStart() is false: readers of " + layout() + " start at what" + " is next");
    assertEquals(0, reader().startSequence());
    RingReader third = reader(LayoutOptions.start(readerOptions(), StartPosition.at(3)));
    assertEquals(3, third.startSequence());
    take(third, 3).release();
    RingReader latest = reader(LayoutOptions.start(readerOptions(), StartPosition.latest()));
    assertEquals(5, latest.startSequence());
    assertFalse(latest.poll(new Loan()));
    assertRefused(
        Reason.SEQUENCE_GONE,
        () ->
            track(
                layout.openReader(
                    LayoutOptions.start(readerOptions(), StartPosition.at(6)), backend)),
        CHANNEL,
        "6");
    write(writer, 5, LENGTH);
    take(latest, 5).release();
  }

  @Test
  @Tag("required")
  @DisplayName("RL-23 an observer never holds the writer back, counts its losses, keeps its loans")
  @IfThisFails(
      "look at the order of an observer's pin and the writer's floor, each followed by a full"
          + " fence; and at what the observer adds to lostCount when it skips")
  void observers() throws InterruptedException {
    RingWriter writer = writer();
    ReaderOptions observing = LayoutOptions.mode(readerOptions(), ReaderMode.OBSERVER);
    if (!observes()) {
      assertRefused(
          Reason.UNSUPPORTED, () -> track(layout.openReader(observing, backend)), CHANNEL);
    }
    assumeTrue(observes(), () -> "observes() is false: " + layout() + " has no observers");
    RingReader observer = reader(observing);
    RingReader reader = reader();
    write(writer, 0, LENGTH);
    Loan held = next(observer);
    for (int i = 1; i < 10 * MESSAGE_SLOTS; i++) {
      take(reader, i - 1).release();
      write(writer, i, LENGTH);
    }
    Loan later = next(observer);
    long sequence = later.sequence();
    assertTrue(sequence > 1, "it was lapped");
    Payloads.check(later.region(), sequence);
    assertEquals(sequence - 1, observer.stats().lostCount());
    Payloads.check(held.region(), 0);
    held.release();
    later.release();
  }

  @Test
  @Tag("required")
  @DisplayName("RL-24 a channel that drops the oldest never waits, and takes no lossless reader")
  @IfThisFails("look at WriterOptions.overflow(): who attaches later has to see it, too")
  void droppingOldest() throws InterruptedException {
    WriterOptions dropping = LayoutOptions.overflow(options(), OverflowPolicy.DROP_OLDEST);
    if (!dropsOldest()) {
      assertRefused(Reason.UNSUPPORTED, () -> track(layout.openWriter(dropping, backend)), CHANNEL);
    }
    assumeTrue(dropsOldest(), () -> "dropsOldest() is false: writers of " + layout() + " wait");
    RingWriter writer = writer(dropping);
    assertRefused(
        Reason.UNSUPPORTED, () -> track(layout.openReader(readerOptions(), backend)), CHANNEL);
    RingReader observer = reader(LayoutOptions.mode(readerOptions(), ReaderMode.OBSERVER));
    int count = 10 * MESSAGE_SLOTS;
    for (int i = 0; i < count; i++) {
      write(writer, i, LENGTH);
    }
    long read = 0;
    Loan loan = new Loan();
    while (observer.poll(loan)) {
      Payloads.check(loan.region(), loan.sequence());
      loan.release();
      read++;
    }
    assertTrue(read > 0);
    assertEquals(count, read + observer.stats().lostCount());
  }

  // ---------------------------------------------------------------- room, loans, waiting

  @Test
  @Tag("required")
  @DisplayName("RL-30 a full channel makes the writer wait as long as it may, until there is room")
  @IfThisFails("look at claim: 0 never waits, and what a reader gives back ends the wait")
  void full() throws Exception {
    RingWriter writer = writer();
    RingReader reader = reader();
    int count = fill(writer);
    long startNs = System.nanoTime();
    assertFalse(writer.claim(LENGTH, SHORT_NS), "there was no room");
    assertTrue(System.nanoTime() - startNs >= SHORT_NS, "shorter than asked for");
    for (int i = 0; i < 3; i++) {
      FutureTask<Boolean> claim =
          start(() -> {
            boolean isClaimed = writer.claim(LENGTH, Long.MAX_VALUE);
            writer.abort();
            return isClaimed;
          });
      take(reader, i).release();
      assertTrue(get(claim));
      write(writer, count + i, LENGTH);
    }
  }

  @Test
  @Tag("required")
  @DisplayName("RL-31 what was written before the first reader came is there for it")
  @IfThisFails("look at what the writer may overwrite while nobody is attached: nothing")
  void beforeTheFirstReader() throws InterruptedException {
    RingWriter writer = writer();
    int count = fill(writer);
    assertTrue(count > 1, "room for more than one message");
    RingReader reader = reader();
    for (int i = 0; i < count; i++) {
      Loan loan = take(reader, i);
      Payloads.check(loan.region(), i);
      loan.release();
    }
    assertFalse(reader.poll(new Loan()));
  }

  @Test
  @Tag("required")
  @DisplayName("RL-32 a message on loan stays as it is, however much is written meanwhile")
  @IfThisFails("look at when you give room back: when the loan is released, not when it is taken")
  void loans() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    fill(writer);
    Loan first = next(reader);
    Loan second = next(reader);
    Loan third = next(reader);
    second.release(); // out of order
    for (int i = 0; i < 3 && writer.claim(LENGTH, 0); i++) {
      Payloads.fill(writer.region(), 99, LENGTH);
      writer.commit(LENGTH, 0);
    }
    Payloads.check(first.region(), 0);
    Payloads.check(third.region(), 2);
    first.release();
    Payloads.check(third.region(), 2);
    third.release();
    write(writer, 99, LENGTH);
  }

  @Test
  @Tag("required")
  @DisplayName("RL-33 a loan outlives its reader, and may be released by another thread")
  @IfThisFails("look at close of your RingReader: the last loan frees the mapping, not close")
  void loansOutliveReaders() throws Exception {
    RingWriter writer = writer();
    RingReader reader = reader();
    write(writer, 0, LENGTH);
    write(writer, 1, LENGTH);
    Loan first = next(reader);
    Loan second = next(reader);
    closeNow(reader);
    Payloads.check(first.region(), 0);
    get(
        start(() -> {
          first.release();
          return null;
        }));
    Payloads.check(second.region(), 1);
    second.release();
    assertFalse(second.region().isOpen());
  }

  @Test
  @Tag("required")
  @DisplayName("RL-34 a reader waits as long as it may, until a message comes")
  @IfThisFails("look at await: a message that comes just before the sleep must be seen")
  void awaiting() throws Exception {
    RingWriter writer = writer();
    RingReader reader = reader();
    assertFalse(reader.poll(new Loan()));
    long startNs = System.nanoTime();
    assertFalse(reader.await(new Loan(), SHORT_NS));
    assertTrue(System.nanoTime() - startNs >= SHORT_NS, "shorter than asked for");
    for (int i = 0; i < 50; i++) {
      Loan loan = new Loan();
      FutureTask<Boolean> await = start(() -> reader.await(loan, Long.MAX_VALUE));
      write(writer, i, LENGTH);
      assertTrue(get(await));
      assertEquals(i, loan.sequence());
      loan.release();
    }
  }

  @Test
  @Tag("required")
  @DisplayName("RL-35 interruptWait ends waits with CLOSED, the one under way and later ones")
  @IfThisFails("look at the flag that interruptWait sets: each round of a wait has to see it")
  void interruptedWaits() throws Exception {
    RingWriter writer = writer();
    RingReader empty = reader();
    FutureTask<Boolean> await = start(() -> empty.await(new Loan(), Long.MAX_VALUE));
    empty.interruptWait();
    assertRefused(Reason.CLOSED, () -> get(await), CHANNEL);
    assertRefused(Reason.CLOSED, () -> empty.await(new Loan(), Long.MAX_VALUE), CHANNEL);
    fill(writer);
    FutureTask<Boolean> claim = start(() -> writer.claim(LENGTH, Long.MAX_VALUE));
    writer.interruptWait();
    assertRefused(Reason.CLOSED, () -> get(claim), CHANNEL);
    assertRefused(Reason.CLOSED, () -> writer.claim(LENGTH, Long.MAX_VALUE), CHANNEL);
  }

  @Test
  @Tag("required")
  @DisplayName("RL-36 an interrupt ends a wait, and both ends stay usable")
  @IfThisFails("look at what an interrupt closes: files of the JDK, if it comes while they work")
  void interrupts() throws Exception {
    RingWriter writer = writer();
    RingReader reader = reader();
    interrupt(() -> reader.await(new Loan(), Long.MAX_VALUE));
    fill(writer);
    interrupt(() -> writer.claim(LENGTH, Long.MAX_VALUE));
    take(reader, 0).release();
    claim(writer, LENGTH);
    writer.abort();
  }

  private void interrupt(Callable<Boolean> wait) throws InterruptedException {
    FutureTask<Boolean> task = new FutureTask<>(wait);
    Thread thread = startThread(task);
    long startNs = System.nanoTime();
    while (thread.isAlive() && patience(startNs)) {
      thread.interrupt();
      LockSupport.parkNanos(1_000_000);
    }
    ExecutionException end =
        assertThrows(ExecutionException.class, () -> task.get(1, TimeUnit.SECONDS));
    assertEquals(InterruptedException.class, end.getCause().getClass(), () -> end.getCause() + "");
  }

  // ---------------------------------------------------------------- opening and ends

  @Test
  @Tag("required")
  @DisplayName("RL-40 after the writer has closed, readers get what is left, and then the end")
  @IfThisFails("look at the order in which a reader sees the end and the last message")
  void end() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    write(writer, 0, LENGTH);
    write(writer, 1, LENGTH);
    assertFalse(reader.isEnded());
    closeNow(writer);
    assertFalse(reader.isEnded(), "two messages are left");
    for (int i = 0; i < 2; i++) {
      Loan loan = take(reader, i);
      Payloads.check(loan.region(), i);
      loan.release();
    }
    assertFalse(reader.await(new Loan(), Long.MAX_VALUE), "the end of the stream");
    assertTrue(reader.isEnded());
    assertFalse(reader.poll(new Loan()));
  }

  @Test
  @Tag("required")
  @DisplayName("RL-41 the end of the stream wakes a reader that waits")
  @IfThisFails("look at whom close of the writer wakes")
  void endWakes() throws Exception {
    RingWriter writer = writer();
    RingReader reader = reader();
    FutureTask<Boolean> await = start(() -> reader.await(new Loan(), Long.MAX_VALUE));
    closeNow(writer);
    assertFalse(get(await));
    assertTrue(reader.isEnded());
  }

  @Test
  @Tag("required")
  @DisplayName("RL-42 a channel that is not there is NO_SUCH_CHANNEL")
  @IfThisFails("look at what openReader, inspect and remove say of a missing file")
  void missing() {
    requireBackend();
    assertRefused(
        Reason.NO_SUCH_CHANNEL, () -> track(layout.openReader(readerOptions(), backend)), CHANNEL);
    assertRefused(
        Reason.NO_SUCH_CHANNEL, () -> layout.inspect(directory, CHANNEL, backend), CHANNEL);
    assertRefused(
        Reason.NO_SUCH_CHANNEL, () -> layout.remove(directory, CHANNEL, true, backend), CHANNEL);
    assertEquals(List.of(), layout.list(directory));
  }

  @Test
  @Tag("required")
  @DisplayName("RL-43 a channel has one writer at a time")
  @IfThisFails("look at how openWriter finds the writer that is there")
  void secondWriter() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    assertRefused(
        Reason.SECOND_WRITER, () -> track(layout.openWriter(options(), backend)), CHANNEL);
    write(writer, 0, LENGTH);
    take(reader, 0).release();
  }

  @Test
  @Tag("required")
  @DisplayName("RL-44 FAIL refuses a channel that exists, REPLACE drops what it holds")
  @IfThisFails("look at WriterOptions.ifExists()")
  void existing() throws InterruptedException {
    RingWriter writer = writer();
    write(writer, 0, LENGTH);
    closeNow(writer);
    assumeTrue(
        keepsUnread(),
        () -> "keepsUnread() is false: channels of " + layout() + " end with their writer");
    assertRefused(
        Reason.CHANNEL_EXISTS,
        () -> track(layout.openWriter(LayoutOptions.ifExists(options(), IfExists.FAIL), backend)),
        CHANNEL);
    RingWriter other = writer(replacing(options()));
    write(other, 5, LENGTH);
    RingReader reader = reader();
    Loan loan = next(reader);
    Payloads.check(loan.region(), 5);
    loan.release();
    assertFalse(reader.poll(new Loan()));
  }

  @Test
  @Tag("required")
  @DisplayName("RL-45 what nobody has read stays when its writer has closed")
  @IfThisFails("look at who removes the file, and when")
  void unread() throws InterruptedException {
    RingWriter writer = writer();
    write(writer, 0, LENGTH);
    write(writer, 1, LENGTH);
    closeNow(writer);
    assumeTrue(
        keepsUnread(),
        () -> "keepsUnread() is false: channels of " + layout() + " end with their writer");
    RingReader reader = reader();
    take(reader, 0).release();
    closeNow(reader);
    RingReader next = reader();
    Loan loan = next(next);
    if (loan.sequence() == 0) { // what was read may still be there
      loan.release();
      loan = next(next);
    }
    assertEquals(1, loan.sequence());
    Payloads.check(loan.region(), 1);
    loan.release();
    assertFalse(next.await(new Loan(), Long.MAX_VALUE));
  }

  @Test
  @Tag("required")
  @DisplayName("RL-46 a writer goes on where the one before has stopped; readers notice nothing")
  @IfThisFails("look at what the next writer finds out from the segment: sequence and room")
  void takeOver() throws InterruptedException {
    requireBackend();
    assumeTrue(
        takesOver(), () -> "takesOver() is false: each writer of " + layout() + " begins anew");
    RingWriter writer = writer();
    RingReader reader = reader(LayoutOptions.awaitSuccessor(readerOptions()));
    long sequence = 0;
    for (int round = 0; round < 4; round++) {
      for (int i = 0; i < 3 * MESSAGE_SLOTS; i++) {
        write(writer, sequence, LENGTH);
        Loan loan = take(reader, sequence);
        Payloads.check(loan.region(), sequence++);
        loan.release();
      }
      write(writer, sequence, LENGTH); // left for the time after
      closeNow(writer);
      writer = writer();
      assertEquals(sequence + 1, writer.stats().nextSequence());
      take(reader, sequence++).release();
    }
    WriterOptions other = LayoutOptions.capacity(options(), 2 * options().capacity());
    closeNow(writer);
    assertRefused(Reason.GEOMETRY_DIFFERS, () -> track(layout.openWriter(other, backend)), CHANNEL);
  }

  @Test
  @Tag("required")
  @DisplayName("RL-47 another codec than the channel's is refused to readers and to writers")
  @IfThisFails("look at the codec id in the header; a reader with an empty one takes any")
  void codecs() throws InterruptedException {
    RingWriter writer = writer();
    write(writer, 0, LENGTH);
    assumeTrue(storesCodec(), () -> "storesCodec() is false: " + layout() + " does not say which");
    assertRefused(
        Reason.CODEC_DIFFERS,
        () -> track(layout.openReader(LayoutOptions.codec(readerOptions(), "other"), backend)),
        CHANNEL,
        "other",
        LayoutOptions.CODEC);
    RingReader any = reader(LayoutOptions.codec(readerOptions(), ""));
    assertEquals(LayoutOptions.CODEC, any.codecId());
    assertEquals(LayoutOptions.CODEC, layout.inspect(directory, CHANNEL, backend).codecId());
    closeNow(writer);
    if (takesOver()) {
      assertRefused(
          Reason.CODEC_DIFFERS,
          () -> track(layout.openWriter(LayoutOptions.codec(options(), "other"), backend)),
          CHANNEL,
          "other");
    }
  }

  @Test
  @Tag("required")
  @DisplayName("RL-48 channels are listed, inspected without disturbing, and removed by force only")
  @IfThisFails("look at list, inspect and remove: none of them attaches")
  void tools() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    write(writer, 0, LENGTH);
    write(writer, 1, LENGTH);
    take(reader, 0).release();
    assertEquals(List.of(CHANNEL), layout.list(directory));
    ChannelInfo info = layout.inspect(directory, CHANNEL, backend);
    assertEquals(CHANNEL, info.name());
    assertEquals(layout.name(), info.layout());
    assertEquals(2, info.publishedCount());
    assertEquals(1, info.unreadCount());
    assertTrue(info.isLive());
    assertFalse(info.header().isEmpty(), "the header's fields");
    assertRefused(Reason.IN_USE, () -> layout.remove(directory, CHANNEL, false, backend), CHANNEL);
    take(reader, 1).release();
    write(writer, 2, LENGTH);
    closeNow(reader);
    closeNow(writer);
    if (layout.list(directory).isEmpty()) {
      return; // the last one to leave has removed it
    }
    assertFalse(layout.inspect(directory, CHANNEL, backend).isLive());
    layout.remove(directory, CHANNEL, false, backend);
    assertEquals(List.of(), layout.list(directory));
    assertEquals(List.of(), layout.sweep(directory));
  }

  @Test
  @Tag("required")
  @DisplayName("RL-49 a channel that was read to its end leaves nothing in the directory")
  @IfThisFails("look at who leaves last, and at temporary files")
  void nothingIsLeft() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    write(writer, 0, LENGTH);
    take(reader, 0).release();
    closeNow(writer);
    assertFalse(reader.await(new Loan(), Long.MAX_VALUE));
    closeNow(reader);
    String[] left = directory.toFile().list();
    assertEquals(List.of(), left == null ? null : List.of(left));
  }

  @Test
  @Tag("recommended")
  @DisplayName("RL-50 both ends count what they do")
  @IfThisFails("look at stats()")
  void counters() throws InterruptedException {
    RingWriter writer = writer();
    RingReader reader = reader();
    for (int i = 0; i < 3; i++) {
      write(writer, i, LENGTH);
    }
    Loan loan = next(reader);
    assertEquals(3, writer.stats().writeCount());
    assertEquals(3L * LENGTH, writer.stats().bytesWritten());
    assertEquals(3, writer.stats().nextSequence());
    assertEquals(1, reader.stats().readCount());
    assertEquals(LENGTH, reader.stats().bytesRead());
    assertEquals(1, reader.stats().openLoanCount());
    assertEquals(2, reader.stats().lag());
    loan.release();
    assertEquals(0, reader.stats().openLoanCount());
  }

  // ---------------------------------------------------------------- deaths

  @Test
  @Tag("required")
  @DisplayName("RL-60 readers get what a killed writer has written, and then WRITER_DIED")
  @IfThisFails("look at how a reader finds out that the writer is dead, once nothing is left")
  void killedWriter() throws Exception {
    requireDeaths();
    try (ChildJvm child = child("write", 3)) {
      RingReader reader = reader();
      child.kill();
      for (int i = 0; i < 3; i++) {
        Loan loan = take(reader, i);
        Payloads.check(loan.region(), i);
        loan.release();
      }
      assertRefused(Reason.WRITER_DIED, () -> reader.await(new Loan(), Long.MAX_VALUE), CHANNEL);
    }
  }

  @Test
  @Tag("required")
  @DisplayName("RL-61 a writer goes on with the channel of a killed one")
  @IfThisFails("look at what openWriter trusts of a segment whose writer stopped anywhere")
  void killedWriterIsSucceeded() throws Exception {
    requireDeaths();
    assumeTrue(
        takesOver(), () -> "takesOver() is false: each writer of " + layout() + " begins anew");
    try (ChildJvm child = child("write", 3)) {
      RingReader reader = reader(LayoutOptions.awaitSuccessor(readerOptions()));
      child.kill();
      RingWriter writer = writer();
      write(writer, 3, LENGTH);
      for (int i = 0; i < 4; i++) {
        Loan loan = take(reader, i);
        Payloads.check(loan.region(), i);
        loan.release();
      }
    }
  }

  @Test
  @Tag("required")
  @DisplayName("RL-62 a killed reader holds nobody back, whatever it held")
  @IfThisFails("look at what a dead reader keeps: its place in the ring, its loans, its tokens")
  void killedReader() throws Exception {
    requireDeaths();
    RingWriter writer = writer();
    write(writer, 0, LENGTH);
    write(writer, 1, LENGTH);
    try (ChildJvm child = child("read", 1)) {
      RingReader reader = reader();
      child.kill();
      for (int i = 2; i < 4 * MESSAGE_SLOTS; i++) {
        awaitRoom(writer, i);
        Payloads.fill(writer.region(), i, LENGTH);
        writer.commit(LENGTH, 0);
        next(reader).release();
      }
    }
  }

  private void requireDeaths() {
    requireBackend();
    assumeTrue(noticesDeath(), () -> "noticesDeath() is false: " + layout() + " sees no death");
  }

  /** Starts a second JVM, which has done its part when this returns. */
  private ChildJvm child(String role, int count) throws IOException {
    List<String> arguments = new ArrayList<>(flags());
    arguments.add("-D" + LayoutOptions.CHANNEL_PROPERTY + "=" + CHANNEL);
    arguments.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"));
    arguments.add(
        Stream.of("java.class.path", "jdk.module.path")
            .map(property -> System.getProperty(property, ""))
            .filter(path -> !path.isEmpty())
            .collect(Collectors.joining(File.pathSeparator)));
    WriterOptions options = options();
    arguments.addAll(
        List.of(
            LayoutChild.class.getName(),
            backend(),
            layout(),
            directory.toString(),
            role,
            "" + count,
            "" + options.capacity(),
            "" + options.messageSlots()));
    Path errors = Files.createTempDirectory("qds-tck");
    opened.push(() -> KitDirectory.delete(errors));
    ChildJvm child =
        new ChildJvm(
            List.of(), Map.of(), Path.of(System.getProperty("java.home")), arguments, errors);
    assertEquals("ready", child.answer());
    return child;
  }

  // ---------------------------------------------------------------- damage

  @Test
  @Tag("required")
  @DisplayName("RL-70 a damaged segment is refused or read, and does nothing else")
  @IfThisFails(
      "look at what you take from the segment: each offset, length and count is checked against"
          + " the mapping before it is used, each time that it is read")
  void damaged() throws Exception {
    requireBackend();
    Random random = new Random(70);
    int refusedCount = 0;
    for (int round = 0; round < 150; round++) {
      KitDirectory.delete(directory);
      Files.createDirectory(directory);
      RingWriter writer = writer();
      for (int i = 0; i < 3; i++) {
        write(writer, i, LENGTH);
      }
      Path file = layout.inspect(directory, CHANNEL, backend).path();
      closeNow(writer);
      assumeTrue(
          keepsUnread(),
          () -> "keepsUnread() is false: channels of " + layout() + " end with their writer");
      String damage = damage(file, round, random);
      try {
        readAll();
      } catch (QdsException e) {
        refusedCount++;
        assertTrue(e.getMessage().contains(CHANNEL), damage + ": " + e.getMessage());
      } catch (RuntimeException | Error e) {
        throw new AssertionError(damage + ": " + e, e);
      }
    }
    assertNotEquals(0, refusedCount, "no damage was noticed");
  }

  private void readAll() {
    RingReader reader =
        layout.openReader(LayoutOptions.trust(readerOptions(), Trust.NONE), backend);
    try {
      Loan loan = new Loan();
      for (int i = 0; i < 2 * MESSAGE_SLOTS && reader.poll(loan); i++) {
        for (long offset = 0; offset < loan.region().length(); offset++) {
          loan.region().getByte(offset);
        }
        loan.release();
      }
    } finally {
      reader.close();
    }
  }

  /** Damages what readers go by, which is not zero: header and descriptors; or cuts the file. */
  private static String damage(Path file, int round, Random random) throws IOException {
    try (RandomAccessFile segment = new RandomAccessFile(file.toFile(), "rw")) {
      if (round < 10) {
        long length = round < 5 ? 64L * round : segment.length() * (round - 4) / 6;
        segment.setLength(length);
        return "cut off at " + length;
      }
      byte[] start = new byte[(int) Math.min(segment.length(), 1 << 16)];
      segment.readFully(start);
      int offset;
      do {
        offset = random.nextInt(start.length);
      } while (start[offset] == 0);
      int value = random.nextInt(256);
      segment.seek(offset);
      segment.write(value);
      return "byte " + offset + " is " + value;
    }
  }

  // ---------------------------------------------------------------- common

  private WriterOptions options() {
    requireBackend();
    return adapt(LayoutOptions.writer(directory, CAPACITY, MESSAGE_SLOTS));
  }

  private static WriterOptions replacing(WriterOptions options) {
    return LayoutOptions.ifExists(options, IfExists.REPLACE);
  }

  private ReaderOptions readerOptions() {
    return LayoutOptions.reader(directory);
  }

  private <E extends AutoCloseable> E track(E end) {
    opened.push(end);
    return end;
  }

  private RingWriter writer() {
    return writer(options());
  }

  private RingWriter writer(WriterOptions options) {
    return track(layout.openWriter(options, backend));
  }

  private RingReader reader() {
    return reader(readerOptions());
  }

  private RingReader reader(ReaderOptions options) {
    return track(layout.openReader(options, backend));
  }

  /** Closes an end, which is not closed again after the rule. */
  private void closeNow(RingWriter writer) {
    opened.remove(writer);
    writer.close();
  }

  private void closeNow(RingReader reader) {
    opened.remove(reader);
    reader.close();
  }

  private static void claim(RingWriter writer, long length) throws InterruptedException {
    assertTrue(writer.claim(length, 0), "there is room for " + length + " bytes");
  }

  /** Claims room that is there soon. */
  private void awaitRoom(RingWriter writer, long sequence) throws InterruptedException {
    assertTrue(
        writer.claim(LENGTH, TimeUnit.SECONDS.toNanos(patienceSeconds)), "room for " + sequence);
  }

  private static void write(RingWriter writer, long sequence, int length)
      throws InterruptedException {
    claim(writer, length);
    Payloads.fill(writer.region(), sequence, length);
    writer.commit(length, 0);
  }

  /** Writes until the channel is full, and returns how many messages it holds. */
  private static int fill(RingWriter writer) throws InterruptedException {
    int count = 0;
    while (writer.claim(LENGTH, 0)) {
      Payloads.fill(writer.region(), count, LENGTH);
      writer.commit(LENGTH, 0);
      count++;
      assertTrue(count < 1_000_000, "the channel never fills");
    }
    return count;
  }

  /** Finds the largest message that an empty channel takes. */
  private static long largest(RingWriter writer) throws InterruptedException {
    long taken = 0;
    long refused = Integer.MAX_VALUE;
    while (refused - taken > 1) {
      long length = (taken + refused) / 2;
      try {
        claim(writer, length);
        writer.abort();
        taken = length;
      } catch (QdsException e) {
        assertEquals(Reason.MESSAGE_TOO_LARGE, e.reason(), e.getMessage());
        refused = length;
      }
    }
    return taken;
  }

  /** Takes the next message, which is there or comes soon. */
  private Loan next(RingReader reader) throws InterruptedException {
    Loan loan = new Loan();
    assertTrue(reader.await(loan, TimeUnit.SECONDS.toNanos(patienceSeconds)), "a message");
    return loan;
  }

  private Loan take(RingReader reader, long sequence) throws InterruptedException {
    Loan loan = next(reader);
    assertEquals(sequence, loan.sequence());
    return loan;
  }

  private boolean patience(long startNs) {
    return System.nanoTime() - startNs < TimeUnit.SECONDS.toNanos(patienceSeconds);
  }

  private static <R> FutureTask<R> start(Callable<R> work) {
    FutureTask<R> task = new FutureTask<>(work);
    startThread(task);
    return task;
  }

  private static Thread startThread(FutureTask<?> task) {
    Thread thread = new Thread(task, "layout-tck");
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private <R> R get(FutureTask<R> task) throws InterruptedException {
    try {
      return task.get(patienceSeconds, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException refusal) {
        throw refusal;
      }
      throw new AssertionError(e.getCause().toString(), e.getCause());
    } catch (TimeoutException e) {
      throw new AssertionError("it still waits after " + patienceSeconds + " s", e);
    }
  }
}
