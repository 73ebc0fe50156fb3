package io.qadataswap.tck.broken;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.QdsProvider;
import io.qadataswap.api.Region;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.CodecProvider;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.layout.Loan;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Lists of texts: their number, and of each its length, its bytes and zeros up to a multiple of
 * four. It keeps every rule, but for the one that its fault is about.
 */
final class TextsCodec implements Codec<List<String>> {
  /** What is wrong. */
  enum Fault {
    NONE,
    WRONG_ID,
    PROVIDER_OF_ANOTHER_ID,
    GARBLES,
    USES_MORE_THAN_MEASURED,
    FORGETS_WHAT_IT_WROTE_TWICE,
    KEEPS_WHAT_WAS_MEASURED_FIRST,
    LEAVES_GAPS,
    STORES_INTO_SOME_MESSAGES,
    SHARES_VALUES,
    RELEASES_ON_ONE_THREAD,
    KEEPS_ONE_LOAN,
    HOLDS_MEMORY,
    CLOSES_ONCE,
    TRUSTS_LENGTHS,
    ALLOCATES_FIRST,
    CHECKS_LATE,
    FAILS_FOR_EVER,
    HOLDS_WHAT_IT_REFUSED,
    SAYS_NOTHING,
    NAMES_ANOTHER_CHANNEL,
    SHARES_WHAT_IT_WRITES,
    HIDES_CUT_FILES,
    ALLOCATES
  }

  final AtomicLong heldLength = new AtomicLong();
  private final Fault fault;
  private volatile List<String> shared;
  private String firstChannel;

  TextsCodec(Fault fault) {
    this.fault = fault;
  }

  @Override
  public String id() {
    return fault == Fault.WRONG_ID ? "texts of any language" : "texts";
  }

  @Override
  public Encoder<List<String>> newEncoder(String channel) {
    return new TextsEncoder();
  }

  @Override
  public Decoder<List<String>> newDecoder(String channel, boolean fullValidation) {
    if (firstChannel == null) {
      firstChannel = channel;
    }
    return new TextsDecoder(fault == Fault.NAMES_ANOTHER_CHANNEL ? firstChannel : channel);
  }

  CodecProvider provider() {
    return new CodecProvider() {
      @Override
      public String name() {
        return fault == Fault.PROVIDER_OF_ANOTHER_ID ? "text" : id();
      }

      @Override
      public int rank() {
        return 0;
      }

      @Override
      public int apiVersion() {
        return QdsProvider.API_VERSION;
      }

      @Override
      public Optional<Unavailability> unavailableReason() {
        return Optional.empty();
      }

      @Override
      public Codec<?> codec() {
        return TextsCodec.this;
      }
    };
  }

  private static long padded(long length) {
    return (length + 3) & -4;
  }

  private final class TextsEncoder implements Encoder<List<String>> {
    private final IdentityHashMap<List<String>, Integer> written = new IdentityHashMap<>();
    private List<String> measured;
    private boolean isClosed;

    @Override
    public long measure(List<String> value) {
      if (fault != Fault.KEEPS_WHAT_WAS_MEASURED_FIRST || measured == null) {
        measured = value;
      }
      long length = Integer.BYTES;
      for (String text : value) {
        length += Integer.BYTES + padded(text.getBytes(StandardCharsets.UTF_8).length);
      }
      if (fault == Fault.KEEPS_WHAT_WAS_MEASURED_FIRST) {
        length += 1000;
      }
      return length;
    }

    @Override
    public long encode(List<String> given, Region target) {
      List<String> value = measured;
      measured = null;
      if (fault == Fault.FORGETS_WHAT_IT_WROTE_TWICE && written.merge(given, 1, Integer::sum) > 2) {
        value = List.of();
      }
      if (fault == Fault.SHARES_WHAT_IT_WRITES) {
        shared = value;
        LockSupport.parkNanos(100_000);
        value = shared;
      }
      target.putInt(0, value.size());
      long offset = Integer.BYTES;
      for (String text : value) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (fault == Fault.GARBLES && bytes.length > 10) {
          bytes[9] ^= 1;
        }
        target.putInt(offset, bytes.length);
        offset += Integer.BYTES;
        target.putBytes(offset, bytes, 0, bytes.length);
        offset += bytes.length;
        for (; offset % 4 != 0; offset++) {
          if (fault != Fault.LEAVES_GAPS) {
            target.putByte(offset, (byte) 0);
          }
        }
      }
      return fault == Fault.USES_MORE_THAN_MEASURED ? offset + 4 : offset;
    }

    @Override
    public void close() {
      if (fault == Fault.CLOSES_ONCE && isClosed) {
        throw new IllegalStateException("closed already");
      }
      isClosed = true;
    }
  }

  private final class TextsDecoder implements Decoder<List<String>> {
    private final String channel;
    private final List<String> reused = new ArrayList<>();
    private final Set<Thread> threads = new HashSet<>();
    private boolean isBroken;
    private boolean hasKept;
    private long sequence;

    TextsDecoder(String channel) {
      this.channel = channel;
    }

    private QdsException corrupt(String field, long found, long limit) {
      isBroken = true;
      if (fault == Fault.HOLDS_WHAT_IT_REFUSED) {
        heldLength.addAndGet(8);
      }
      return new QdsException(
          Reason.CORRUPT,
          fault == Fault.SAYS_NOTHING
              ? "bad message"
              : "channel="
                  + channel
                  + " message="
                  + sequence
                  + " "
                  + field
                  + "="
                  + found
                  + " allowed=0 to "
                  + limit);
    }

    private int number(Region region, String field, long offset, long limit) {
      if (offset > region.length() - Integer.BYTES) {
        throw corrupt("length", region.length(), offset);
      }
      int number = region.getInt(offset);
      if (fault != Fault.TRUSTS_LENGTHS && (number < 0 || number > limit)) {
        throw corrupt(field, number, limit);
      }
      return number;
    }

    @Override
    public List<String> decode(Loan loan) {
      sequence = loan.sequence();
      threads.add(Thread.currentThread());
      if (fault == Fault.FAILS_FOR_EVER && isBroken) {
        throw corrupt("decoder", 1, 0);
      }
      Region region = loan.region();
      if (fault == Fault.STORES_INTO_SOME_MESSAGES && region.address() % 512 == 256) {
        region.putByte(0, (byte) 0);
      }
      List<String> value;
      try {
        value = texts(region);
      } catch (InternalError e) {
        if (fault != Fault.HIDES_CUT_FILES) {
          throw e;
        }
        value = new ArrayList<>();
      } catch (QdsException e) {
        if (fault != Fault.CHECKS_LATE) {
          throw e;
        }
        value = new LateList(e);
      }
      if (fault == Fault.KEEPS_ONE_LOAN && !hasKept) {
        hasKept = true;
        loan.retain();
      }
      heldLength.addAndGet(value instanceof LateList ? 0 : value.size());
      return value;
    }

    private List<String> texts(Region region) {
      if (fault == Fault.ALLOCATES_FIRST && region.length() >= 4) {
        reused.add("room for " + new byte[region.getInt(0)].length);
      }
      int count = number(region, "count", 0, region.length() / 4);
      List<String> value = fault == Fault.SHARES_VALUES ? reused : new ArrayList<>();
      value.clear();
      long offset = Integer.BYTES;
      for (int i = 0; i < count; i++) {
        int length = number(region, "textLength", offset, region.length() - offset - 4);
        offset += Integer.BYTES;
        byte[] bytes = new byte[length];
        region.getBytes(offset, bytes, 0, length);
        value.add(new String(bytes, StandardCharsets.UTF_8));
        offset += padded(length);
      }
      return value;
    }

    @Override
    public void release(List<String> value) {
      if (fault == Fault.RELEASES_ON_ONE_THREAD && !threads.contains(Thread.currentThread())) {
        throw new IllegalStateException("another thread");
      }
      if (fault != Fault.HOLDS_MEMORY && !(value instanceof LateList)) {
        heldLength.addAndGet(-value.size());
      }
    }

    @Override
    public void close() {
      // holds nothing
    }
  }

  /** Finds out that it is damaged when somebody looks. */
  private static final class LateList extends AbstractList<String> {
    private final QdsException damage;

    LateList(QdsException damage) {
      this.damage = damage;
    }

    @Override
    public String get(int index) {
      throw new IndexOutOfBoundsException(damage.getMessage());
    }

    @Override
    public int size() {
      return 1;
    }
  }
}
