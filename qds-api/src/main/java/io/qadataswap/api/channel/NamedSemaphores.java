package io.qadataswap.api.channel;

import java.nio.file.attribute.PosixFilePermission;
import java.util.Optional;
import java.util.Set;

/**
 * The named semaphores of the operating system (POSIX {@code sem_open}), as far as one channel
 * needs them. Any thread may call. No method blocks beyond its system calls.
 *
 * <p>Failures are {@link io.qadataswap.api.QdsException}s of reason {@code PERMISSION}, {@code
 * DIRECTORY_FULL}, {@code CORRUPT} or {@code IO} that name the channel and the semaphore.
 */
public interface NamedSemaphores {
  /**
   * Opens a semaphore that exists.
   *
   * @param name beginning with a slash
   * @return the semaphore; empty if there is none of that name
   */
  Optional<NamedSemaphore> open(String name);

  /**
   * Creates a semaphore.
   *
   * @param name beginning with a slash
   * @param value tokens at first
   * @param mode permissions, less those of the umask
   * @return the semaphore; empty if there is one of that name
   */
  Optional<NamedSemaphore> create(String name, int value, Set<PosixFilePermission> mode);

  /**
   * Removes a name. Who has the semaphore open keeps it.
   *
   * @param name beginning with a slash
   * @return whether there was a semaphore of that name
   */
  boolean unlink(String name);
}
