/**
 * The {@code Channel} SPI: a mapped segment file with ordered access to its words, participant
 * locks, and waiting. A backend implements {@link io.qadataswap.api.channel.Channel} and {@link
 * io.qadataswap.api.channel.ChannelProvider}; everything about the file itself (opening, creating,
 * locking, removing) is in {@link io.qadataswap.api.channel.SegmentFile} and shared by all
 * backends.
 *
 * <p>There is no compare-and-set here, on purpose: the protocols need none, and on a mapping whose
 * file was cut short a compare-and-set can kill the JVM where loads and stores end in an {@link
 * java.lang.InternalError} that QDS turns into an exception.
 */
package io.qadataswap.api.channel;
