package io.qadataswap.tck.broken;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.IfExists;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.ReaderStats;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingLayout;
import io.qadataswap.api.layout.RingReader;
import io.qadataswap.api.layout.RingWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A layout that keeps every rule, but for the one that its fault is about. */
final class FaultyLayout implements RingLayout {
  /** What is wrong. */
  enum Fault {
    NONE,
    WRONG_NAME,
    LOSES_MESSAGES,
    LOSES_TAGS,
    LOSES_TIMES,
    MESSAGES_ARE_WRITABLE,
    COMMITS_THE_WHOLE_CLAIM,
    PUBLISHES_WHAT_WAS_ABORTED,
    LEAVES_REGIONS_OPEN,
    SAYS_NOT_WHAT_IS_TOO_LARGE,
    A_READER_MISSES_ONE,
    STARTS_AT_THE_OLDEST,
    COUNTS_NO_LOSSES,
    OBSERVERS_HOLD_BACK,
    TAKES_LOSSLESS_READERS,
    NEVER_WAITS_FOR_ROOM,
    FORGETS_WHAT_CAME_FIRST,
    GIVES_LOANS_BACK_AT_ONCE,
    CLOSES_LOANS_WITH_THE_READER,
    NEVER_WAITS_FOR_MESSAGES,
    IGNORES_INTERRUPT_WAIT,
    IGNORES_INTERRUPTS,
    ENDS_BEFORE_THE_LAST,
    NO_CHANNEL_IS_AN_IO_ERROR,
    A_SECOND_WRITER,
    IGNORES_IF_EXISTS,
    DROPS_THE_UNREAD,
    IGNORES_GEOMETRY,
    IGNORES_CODECS,
    REMOVES_THE_LIVING,
    LEAVES_FILES,
    COUNTS_NOTHING,
    SEES_NO_DEATH,
    REFUSES_SUCCESSORS_OF_THE_DEAD,
    WAITS_FOR_THE_DEAD,
    BREAKS_ON_DAMAGE
  }

  private final RingLayout layout;
  private final Fault fault;
  private RingWriter openWriter;
  private int readerCount;

  FaultyLayout(RingLayout layout, Fault fault) {
    this.layout = layout;
    this.fault = fault;
  }

  @Override
  public String name() {
    return fault == Fault.WRONG_NAME ? "QDS 1" : layout.name();
  }

  @Override
  public int rank() {
    return layout.rank();
  }

  @Override
  public int apiVersion() {
    return layout.apiVersion();
  }

  @Override
  public Optional<Unavailability> unavailableReason() {
    return layout.unavailableReason();
  }

  // ---------------------------------------------------------------- writers

  @Override
  public RingWriter openWriter(WriterOptions asked, ChannelProvider backend) {
    IfExists ifExists = asked.ifExists();
    if (fault == Fault.IGNORES_IF_EXISTS) {
      ifExists = IfExists.TAKE_OVER;
    } else if (fault == Fault.IGNORES_GEOMETRY && asked.capacity() > 1 << 20) {
      ifExists = IfExists.REPLACE;
    }
    WriterOptions options =
        new WriterOptions(
            asked.name(),
            asked.directory(),
            fault == Fault.IGNORES_CODECS ? "bytes" : asked.codecId(),
            asked.capacity(),
            asked.messageSlots(),
            asked.readerEntries(),
            asked.overflow(),
            asked.retainCount(),
            asked.maxMessageLength(),
            asked.payloadChecksum(),
            asked.chosen(),
            asked.fileMode(),
            ifExists,
            asked.waitStrategy(),
            asked.timestamps(),
            asked.label());
    if (fault == Fault.REFUSES_SUCCESSORS_OF_THE_DEAD && isOfTheDead(asked, backend)) {
      throw new QdsException(Reason.SECOND_WRITER, "channel=" + asked.name());
    }
    Recorder recorder = new Recorder(backend);
    RingWriter writer;
    try {
      writer = layout.openWriter(options, recorder);
    } catch (QdsException e) {
      if (fault == Fault.A_SECOND_WRITER && e.reason() == Reason.SECOND_WRITER) {
        return proxy(RingWriter.class, (method, arguments) -> null);
      }
      throw e;
    }
    openWriter = writer;
    WriterCalls calls = new WriterCalls(writer, recorder, asked, backend);
    return proxy(RingWriter.class, calls::call);
  }

  private boolean isOfTheDead(WriterOptions options, ChannelProvider backend) {
    return layout.list(options.directory()).contains(options.name())
        && layout
            .inspect(options.directory(), options.name(), backend)
            .writer()
            .filter(writer -> !writer.alive() && !writer.state().equals("CLOSED"))
            .isPresent();
  }

  private final class WriterCalls {
    private final RingWriter writer;
    private final Recorder recorder;
    private final WriterOptions options;
    private final ChannelProvider backend;
    private final Region open = new Region();
    private long claimed;
    private long commitCount;

    WriterCalls(
        RingWriter writer, Recorder recorder, WriterOptions options, ChannelProvider backend) {
      this.writer = writer;
      this.recorder = recorder;
      this.options = options;
      this.backend = backend;
    }

    Object call(Method method, Object[] arguments) throws Throwable {
      return switch (method.getName()) {
        case "claim" -> claim((long) arguments[0], (long) arguments[1]);
        case "commit" -> commit((long) arguments[0], (long) arguments[1]);
        case "abort" -> {
          if (fault == Fault.PUBLISHES_WHAT_WAS_ABORTED && claimed == 100) {
            writer.commit(0, 0);
          } else {
            writer.abort();
          }
          yield null;
        }
        case "region" -> region();
        case "interruptWait" -> {
          if (fault != Fault.IGNORES_INTERRUPT_WAIT) {
            writer.interruptWait();
          }
          yield null;
        }
        case "close" -> {
          writer.close();
          if (fault == Fault.DROPS_THE_UNREAD
              && layout.list(options.directory()).contains(options.name())) {
            layout.remove(options.directory(), options.name(), true, backend);
          }
          yield null;
        }
        default -> invoke(writer, method, arguments);
      };
    }

    private boolean claim(long length, long timeoutNs) throws InterruptedException {
      claimed = length;
      if (fault == Fault.WAITS_FOR_THE_DEAD
          && timeoutNs > 0
          && writer.stats().evictionCount() > 0) {
        return false;
      }
      while (true) {
        try {
          return writer.claim(length, fault == Fault.NEVER_WAITS_FOR_ROOM ? 0 : timeoutNs);
        } catch (QdsException e) {
          if (fault == Fault.SAYS_NOT_WHAT_IS_TOO_LARGE && e.reason() == Reason.MESSAGE_TOO_LARGE) {
            throw new QdsException(Reason.MESSAGE_TOO_LARGE, "too large");
          }
          throw e;
        } catch (InterruptedException e) {
          if (fault != Fault.IGNORES_INTERRUPTS) {
            throw e;
          }
        }
      }
    }

    private long commit(long length, long tag) {
      commitCount++;
      if (fault == Fault.LOSES_MESSAGES && commitCount == 100) {
        long next = writer.stats().nextSequence();
        writer.abort();
        return next;
      }
      return writer.commit(
          fault == Fault.COMMITS_THE_WHOLE_CLAIM ? claimed : length,
          fault == Fault.LOSES_TAGS ? 0 : tag);
    }

    private Region region() {
      Region region = writer.region();
      if (fault != Fault.LEAVES_REGIONS_OPEN) {
        return region;
      }
      Channel memory = recorder.last;
      open.open(memory, region.address() - memory.address(), region.length(), true);
      return open;
    }
  }

  // ---------------------------------------------------------------- readers

  @Override
  public RingReader openReader(ReaderOptions asked, ChannelProvider backend) {
    ReaderMode mode = asked.mode();
    if (fault == Fault.OBSERVERS_HOLD_BACK && openWriter != null) {
      mode = dropsOldest(asked, backend) ? mode : ReaderMode.LOSSLESS;
    } else if (fault == Fault.TAKES_LOSSLESS_READERS && dropsOldest(asked, backend)) {
      mode = ReaderMode.OBSERVER;
    }
    StartPosition start = asked.start();
    if (fault == Fault.STARTS_AT_THE_OLDEST) {
      start = StartPosition.oldest();
    } else if (fault == Fault.FORGETS_WHAT_CAME_FIRST
        && readerCount == 0
        && openWriter != null
        && openWriter.stats().nextSequence() > 10) {
      start = StartPosition.latest();
    }
    ReaderOptions options =
        new ReaderOptions(
            asked.name(),
            asked.directory(),
            fault == Fault.IGNORES_CODECS ? "" : asked.codecId(),
            mode,
            start,
            asked.trust(),
            asked.waitStrategy(),
            asked.awaitSuccessor(),
            asked.label());
    Recorder recorder = new Recorder(backend);
    RingReader reader;
    try {
      reader = layout.openReader(options, recorder);
    } catch (QdsException e) {
      if (fault == Fault.NO_CHANNEL_IS_AN_IO_ERROR && e.reason() == Reason.NO_SUCH_CHANNEL) {
        throw new QdsException(Reason.IO, e.getMessage());
      }
      if (fault == Fault.BREAKS_ON_DAMAGE && e.reason() == Reason.CORRUPT) {
        throw new NegativeArraySizeException("-1");
      }
      throw e;
    }
    readerCount++;
    ReaderCalls calls = new ReaderCalls(reader, recorder, readerCount, options);
    return proxy(RingReader.class, calls::call);
  }

  private boolean dropsOldest(ReaderOptions options, ChannelProvider backend) {
    return layout.list(options.directory()).contains(options.name())
        && layout.inspect(options.directory(), options.name(), backend).overflow()
            == OverflowPolicy.DROP_OLDEST;
  }

  private final class ReaderCalls {
    private final RingReader reader;
    private final Recorder recorder;
    private final int number;
    private final ReaderOptions options;
    private final List<Loan> loans = new ArrayList<>();
    private boolean hasMissed;

    ReaderCalls(RingReader reader, Recorder recorder, int number, ReaderOptions options) {
      this.reader = reader;
      this.recorder = recorder;
      this.number = number;
      this.options = options;
    }

    Object call(Method method, Object[] arguments) throws Throwable {
      return switch (method.getName()) {
        case "poll" -> taken(reader.poll((Loan) arguments[0]), (Loan) arguments[0]);
        case "await" -> await((Loan) arguments[0], (long) arguments[1]);
        case "isEnded" -> (fault == Fault.ENDS_BEFORE_THE_LAST && !isLive()) || reader.isEnded();
        case "stats" -> stats(reader.stats());
        case "interruptWait" -> {
          if (fault != Fault.IGNORES_INTERRUPT_WAIT) {
            reader.interruptWait();
          }
          yield null;
        }
        case "close" -> {
          if (fault == Fault.CLOSES_LOANS_WITH_THE_READER) {
            loans.stream().filter(Loan::isOpen).forEach(loan -> loan.region().close());
          }
          reader.close();
          if (fault == Fault.LEAVES_FILES) {
            leaveFile(options.directory());
          }
          yield null;
        }
        default -> invoke(reader, method, arguments);
      };
    }

    private boolean isLive() {
      ChannelInfo info = layout.inspect(options.directory(), options.name(), recorder.provider);
      return info.writer().map(writer -> writer.alive()).orElse(false);
    }

    private boolean await(Loan loan, long timeoutNs) throws InterruptedException {
      while (true) {
        try {
          long time =
              fault == Fault.NEVER_WAITS_FOR_MESSAGES && timeoutNs < 1_000_000_000 ? 0 : timeoutNs;
          return taken(reader.await(loan, time), loan);
        } catch (InterruptedException e) {
          if (fault != Fault.IGNORES_INTERRUPTS) {
            throw e;
          }
        } catch (QdsException e) {
          if (fault == Fault.SEES_NO_DEATH && e.reason() == Reason.WRITER_DIED) {
            return false;
          }
          throw e;
        }
      }
    }

    private boolean taken(boolean isTaken, Loan loan) {
      if (!isTaken) {
        return false;
      }
      if (fault == Fault.A_READER_MISSES_ONE && number == 2 && !hasMissed) {
        hasMissed = true;
        loan.release();
        return reader.poll(loan);
      }
      if (fault == Fault.CLOSES_LOANS_WITH_THE_READER) {
        loans.add(loan);
      }
      if (fault == Fault.LOSES_TIMES) {
        loan.open(reader, loan.sequence(), loan.tag(), 0, loan.handle());
      }
      boolean isWritable = fault == Fault.MESSAGES_ARE_WRITABLE;
      if (isWritable || fault == Fault.GIVES_LOANS_BACK_AT_ONCE) {
        Channel memory = recorder.last;
        long base = loan.region().address() - memory.address();
        long length = loan.region().length();
        RingReader lender = reader;
        if (fault == Fault.GIVES_LOANS_BACK_AT_ONCE) {
          long sequence = loan.sequence();
          long tag = loan.tag();
          long time = loan.timeNs();
          loan.release();
          lender = proxy(RingReader.class, (method, arguments) -> null);
          loan.region().open(memory, base, length, false);
          loan.open(lender, sequence, tag, time, 0);
        } else {
          loan.region().open(memory, base, length, true);
        }
      }
      return true;
    }

    private ReaderStats stats(ReaderStats stats) {
      return new ReaderStats(
          fault == Fault.COUNTS_NOTHING ? 0 : stats.readCount(),
          stats.bytesRead(),
          stats.waitTimeoutCount(),
          fault == Fault.COUNTS_NO_LOSSES ? 0 : stats.lostCount(),
          stats.copyCount(),
          stats.openLoanCount(),
          stats.lag(),
          stats.nextSequence());
    }
  }

  private static void leaveFile(Path directory) {
    try {
      Files.write(directory.resolve("left"), new byte[1]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // ---------------------------------------------------------------- tools

  @Override
  public List<String> list(Path directory) {
    return layout.list(directory);
  }

  @Override
  public ChannelInfo inspect(Path directory, String name, ChannelProvider backend) {
    return layout.inspect(directory, name, backend);
  }

  @Override
  public void remove(Path directory, String name, boolean force, ChannelProvider backend) {
    layout.remove(directory, name, force || fault == Fault.REMOVES_THE_LIVING, backend);
  }

  @Override
  public List<String> sweep(Path directory) {
    return layout.sweep(directory);
  }

  // ---------------------------------------------------------------- proxies

  /** What stands between the kit and an end. */
  private interface Calls {
    Object call(Method method, Object[] arguments) throws Throwable;
  }

  @SuppressWarnings("ReferenceEquality") // as Object does
  private static <T> T proxy(Class<T> type, Calls calls) {
    return type.cast(
        Proxy.newProxyInstance(
            FaultyLayout.class.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "equals" -> proxy == arguments[0];
                  case "hashCode" -> System.identityHashCode(proxy);
                  case "toString" -> type.getSimpleName();
                  default -> calls.call(method, arguments);
                }));
  }

  private static Object invoke(Object target, Method method, Object... arguments) throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /** Knows the memory that a backend has mapped last. */
  private static final class Recorder implements ChannelProvider {
    private final ChannelProvider provider;
    private Channel last;

    Recorder(ChannelProvider provider) {
      this.provider = provider;
    }

    @Override
    public Channel map(SegmentFile file, long length, boolean writable) {
      last = provider.map(file, length, writable);
      return last;
    }

    @Override
    public String name() {
      return provider.name();
    }

    @Override
    public int rank() {
      return provider.rank();
    }

    @Override
    public int apiVersion() {
      return provider.apiVersion();
    }

    @Override
    public long maxLength() {
      return provider.maxLength();
    }

    @Override
    public Optional<Unavailability> unavailableReason() {
      return provider.unavailableReason();
    }
  }
}
