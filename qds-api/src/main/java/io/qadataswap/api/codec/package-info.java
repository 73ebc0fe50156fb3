/**
 * The {@code Codec} SPI: how a value becomes bytes in the channel's memory and how bytes there
 * become a view. Codecs know nothing of rings. The codec's id stands in the segment's header, so
 * that a reader with another codec is refused when it opens, and tools find the codec of a channel.
 */
package io.qadataswap.api.codec;
