/**
 * The layout of the original QADataSwap 0.1, {@code qads1}: a fixed number of buffers of one length
 * each, two named semaphores whose tokens are the buffers that may be written and the messages that
 * may be read. Readers compete: each message goes to one of them.
 *
 * <p>The structures are packed, so many fields are misaligned: access is plain, with fences, and
 * the semaphores order what the processes see of each other.
 *
 * <p>The original gives a buffer back before its reader is done with it. Here a message is lent,
 * and its token goes back when the loan was closed and all earlier ones were, since the writer
 * takes a token for "the next buffer is free". What is lent is marked in the buffer's {@code ready}
 * byte by values that the original's writer overwrites and its reader never meets; see {@link
 * io.qadataswap.api.internal.qads1.BufferState}.
 *
 * <p>Locks on bytes of the object file far beyond its end tell the participants of QDS from each
 * other, and their lives: the kernel drops them with the process. The original has none: whether
 * its processes live shows by who has the object mapped.
 */
package io.qadataswap.api.internal.qads1;
