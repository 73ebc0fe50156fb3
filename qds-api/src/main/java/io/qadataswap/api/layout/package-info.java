/**
 * The {@code RingLayout} SPI: where things lie in a segment and the protocol between its writer and
 * its readers, over a {@link io.qadataswap.api.channel.Channel}, whichever backend that is from. A
 * layout knows nothing of codecs: it moves bytes, with a tag and a time.
 */
package io.qadataswap.api.layout;
