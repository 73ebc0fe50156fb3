package io.qadataswap.api.codec;

import io.qadataswap.api.QdsProvider;

/**
 * Makes a codec by its id, for tools that read a channel without knowing its type at compile time.
 * Found by {@link java.util.ServiceLoader}; {@link #name()} is the codec's id. Implementations are
 * immutable and thread-safe.
 */
public interface CodecProvider extends QdsProvider {
  /**
   * Creates a codec with default settings.
   *
   * @return the codec; what it needs (an allocator, say) belongs to it and lives as long as it is
   *     reachable
   */
  Codec<?> codec();
}
