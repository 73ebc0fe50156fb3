/**
 * What users of QDS hold in their hands: {@link io.qadataswap.api.Qds} opens a {@link
 * io.qadataswap.api.Writer} or a {@link io.qadataswap.api.Reader} on a named channel.
 *
 * <p>Three kinds of failure are kept apart. Flow control (nothing there yet, no room yet) is a
 * return value. Misuse is {@link java.lang.IllegalArgumentException} or {@link
 * java.lang.IllegalStateException} with {@code name=value}. What the environment or the other side
 * does is a {@link io.qadataswap.api.QdsException} with a reason, whose message ends with the
 * anchor of the README's row on it: flow control costs nothing, misuse is found in tests, and the
 * rest comes to somebody who has only the message.
 *
 * <p>{@code -Dqds.debug=true} turns on checks that cost time: that the bytes of a message are the
 * same when it is closed as when it came, and that a claim stays with its thread. An end that
 * becomes garbage without being closed is logged, and then with the stack of its opening.
 */
package io.qadataswap.api;
