package io.qadataswap.api.channel;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsProvider;

/**
 * Makes channels: the entry of a backend, found by {@link java.util.ServiceLoader}. A provider
 * class must load on the oldest Java version that QDS supports (17), also when the backend needs a
 * newer one: it then says so in {@link #unavailableReason()}.
 *
 * <p>Implementations are immutable and thread-safe.
 */
public interface ChannelProvider extends QdsProvider {
  /**
   * Returns the largest segment that this backend can map.
   *
   * @return bytes
   */
  long maxLength();

  /**
   * Maps a whole segment file. Does not block beyond the system call, which runs on QDS's own I/O
   * thread (see {@link SegmentFile#call}).
   *
   * @param file open segment; the channel gives it back when it is closed, or at once if mapping
   *     fails
   * @param length bytes to map, from the start; not more than the file has
   * @param writable whether stores are allowed; a read-only mapping refuses them
   * @return the channel
   */
  Channel map(SegmentFile file, long length, boolean writable);

  /**
   * Returns the named semaphores of the operating system, which a layout may need beside the
   * mapping. Does not block.
   *
   * @param channelName for messages
   * @return the semaphores
   * @throws QdsException with reason {@code UNSUPPORTED} if this backend has none, or {@code
   *     FLAG_MISSING} if the JVM does not let it
   */
  default NamedSemaphores semaphores(String channelName) {
    throw new QdsException(
        QdsException.Reason.UNSUPPORTED,
        "channel="
            + channelName
            + ": the channel's layout needs POSIX semaphores, which the backend "
            + name()
            + " has not; add io.qadataswap:qds-shm-ffm (JDK 22 or newer), and open with the backend"
            + " ffm");
  }
}
