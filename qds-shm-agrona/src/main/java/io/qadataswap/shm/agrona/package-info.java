/**
 * The backend named {@code agrona}: shared memory through Agrona's buffers, for Java 17 and later.
 *
 * <p>Agrona reads and writes by bare address, so the checks that keep a process alive are made
 * here: bounds, alignment, read-only mappings, and the end of a channel. A closed channel refuses
 * access, yet its memory stays mapped until nothing refers to it any more, and the garbage
 * collector unmaps it.
 *
 * <p>Agrona's index is an int: a segment has at most 2^31 - 1 bytes.
 */
package io.qadataswap.shm.agrona;
