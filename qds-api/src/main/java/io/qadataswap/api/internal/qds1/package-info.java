/**
 * The native layout, {@code qds1}: one writer, many readers, message descriptors in a ring and
 * payloads in an arena. The wire specification is {@code spec/qds1.md} of the compatibility kit;
 * the offsets are in the three {@code Descriptor} classes and nowhere else.
 *
 * <p>Where to start reading: a message goes through {@link
 * io.qadataswap.api.internal.qds1.Qds1Writer#claim} (room from {@link
 * io.qadataswap.api.internal.qds1.Arena}), {@link
 * io.qadataswap.api.internal.qds1.Qds1Writer#commit}, then {@link
 * io.qadataswap.api.internal.qds1.LosslessReader} or {@link
 * io.qadataswap.api.internal.qds1.ObserverReader}. Opening, creating and removing segments is in
 * {@link io.qadataswap.api.internal.qds1.Segments}.
 *
 * <p>Every pair of accesses that orders the two sides carries the same {@code SYNC POINT} label on
 * both.
 */
package io.qadataswap.api.internal.qds1;
