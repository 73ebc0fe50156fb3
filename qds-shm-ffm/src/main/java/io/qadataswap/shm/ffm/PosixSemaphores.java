package io.qadataswap.shm.ffm;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.NamedSemaphore;
import io.qadataswap.api.channel.NamedSemaphores;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;

/** Named semaphores of the C library. Only where the user has granted native access. */
final class PosixSemaphores implements NamedSemaphores {
  /** Where the C library of Linux keeps them. */
  private static final Path SEMAPHORE_FILES = Path.of("/dev/shm");

  private final String channelName;

  private PosixSemaphores(String channelName) {
    this.channelName = channelName;
  }

  /** Called by {@link FfmChannelProvider}, by name. */
  static NamedSemaphores of(String channelName) {
    Module module = PosixSemaphores.class.getModule();
    if (!module.isNativeAccessEnabled()) {
      throw new QdsException(
          Reason.FLAG_MISSING,
          "channel="
              + channelName
              + ": the channel's layout needs POSIX semaphores, for which the backend ffm needs"
              + " native access; start Java with --enable-native-access="
              + (module.isNamed() ? module.getName() : "ALL-UNNAMED"));
    }
    if (!Semaphores.AVAILABLE) {
      throw new QdsException(
          Reason.PLATFORM_UNSUPPORTED,
          "channel="
              + channelName
              + ": the channel's layout needs POSIX semaphores, which this platform's C library"
              + " has not");
    }
    return new PosixSemaphores(channelName);
  }

  @Override
  public Optional<NamedSemaphore> open(String name) {
    requireWhole(name);
    return opened(name, "open", Semaphores.open(name, 0, 0, 0), Semaphores.NO_SUCH_FILE);
  }

  @Override
  public Optional<NamedSemaphore> create(String name, int value, Set<PosixFilePermission> mode) {
    return opened(
        name,
        "create",
        Semaphores.open(name, Semaphores.CREATE_NEW, bits(mode), value),
        Semaphores.FILE_EXISTS);
  }

  @Override
  public boolean unlink(String name) {
    int error = Semaphores.unlink(name);
    if (error != 0 && error != Semaphores.NO_SUCH_FILE) {
      throw failure("remove", name, error);
    }
    return error == 0;
  }

  /**
   * The C library looks at a semaphore without looking at how long its file is, and that would end
   * the process.
   */
  private void requireWhole(String name) {
    Path file = SEMAPHORE_FILES.resolve("sem." + name.substring(1));
    try {
      long length = Files.size(file);
      if (length < Semaphores.LENGTH) {
        throw new QdsException(
            Reason.CORRUPT,
            "channel="
                + channelName
                + ": the semaphore "
                + name
                + " was cut short: "
                + file
                + " length="
                + length
                + " allowed="
                + Semaphores.LENGTH
                + "; remove the channel (./qds rm), and create it again");
      }
    } catch (IOException e) {
      // There is none, or the C library keeps it elsewhere.
    }
  }

  private Optional<NamedSemaphore> opened(
      String name, String what, Semaphores.Opened result, int expectedError) {
    if (result.error() == 0) {
      return Optional.of(new PosixSemaphore(name, result.address()));
    }
    if (result.error() == expectedError) {
      return Optional.empty();
    }
    throw failure(what, name, result.error());
  }

  private QdsException failure(String what, String name, int error) {
    return SegmentFile.failure(
        channelName,
        what + " the semaphore " + name,
        new IOException(Semaphores.describe(error) + " (errno " + error + ")"));
  }

  /** As in chmod. */
  private static int bits(Set<PosixFilePermission> mode) {
    String text = PosixFilePermissions.toString(mode);
    int bits = 0;
    for (int i = 0; i < text.length(); i++) {
      bits = 2 * bits + (text.charAt(i) == '-' ? 0 : 1);
    }
    return bits;
  }

  /**
   * An open semaphore. The arena keeps the address from being used after it was closed, by whatever
   * thread: a call holds the arena while it is under way.
   */
  private final class PosixSemaphore implements NamedSemaphore {
    private final String name;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment semaphore;

    PosixSemaphore(String name, long address) {
      this.name = name;
      this.semaphore = Semaphores.at(address, arena);
    }

    @Override
    public boolean tryWait() {
      return Semaphores.tryWait(semaphore);
    }

    @Override
    public boolean canBlock() {
      return Semaphores.CAN_WAIT && !Thread.currentThread().isVirtual();
    }

    @Override
    public boolean await(long timeoutNs) {
      return Semaphores.await(semaphore, timeoutNs);
    }

    @Override
    public void post() {
      int error = Semaphores.post(semaphore);
      if (error != 0) {
        throw failure("give a token to", name, error);
      }
    }

    @Override
    public int value() {
      try (Arena call = Arena.ofConfined()) {
        MemorySegment value = call.allocate(ValueLayout.JAVA_INT);
        Semaphores.value(semaphore, value);
        return value.get(ValueLayout.JAVA_INT, 0);
      }
    }

    @Override
    public synchronized void close() {
      if (semaphore.scope().isAlive()) {
        arena.close();
      }
    }
  }
}
