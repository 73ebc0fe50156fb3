/**
 * What users of QDS hold in their hands: {@link io.qadataswap.api.Qds} opens a {@link
 * io.qadataswap.api.Writer} or a {@link io.qadataswap.api.Reader} on a named channel.
 *
 * <p>Three kinds of failure are kept apart. Flow control (nothing there yet, no room yet) is a
 * return value. Misuse is {@link java.lang.IllegalArgumentException} or {@link
 * java.lang.IllegalStateException} with {@code name=value}. What the environment or the other side
 * does is a {@link io.qadataswap.api.QdsException} with a reason.
 */
package io.qadataswap.api;
