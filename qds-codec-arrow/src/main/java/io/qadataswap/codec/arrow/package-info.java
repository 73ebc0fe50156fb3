/**
 * Arrow data in a channel's messages: {@link io.qadataswap.codec.arrow.ArrowCodec} and its value
 * type {@link io.qadataswap.codec.arrow.ArrowTable}.
 *
 * <p>Every message is one complete Arrow IPC stream. Its frames, bodies and buffers start at
 * multiples of 64: metadata is lengthened with zeros, buffers are followed by zeros. Validity is
 * left out where there are no nulls. Messages of other writers may look different: any alignment,
 * order and gaps of buffers, framing without continuation marker, no end marker, bytes after it,
 * delta dictionaries, and compressed buffers if {@code org.apache.arrow:arrow-compression} is
 * there.
 *
 * <p>What a message says is never believed: metadata is copied to private memory, and every length
 * and place that a vector relies on is checked against the message and the number of values. With
 * full validation every offset, view, type id, run end and dictionary index is checked too.
 */
package io.qadataswap.codec.arrow;
