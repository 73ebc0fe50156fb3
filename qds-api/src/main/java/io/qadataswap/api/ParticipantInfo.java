package io.qadataswap.api;

import java.time.Instant;

/**
 * What a segment records of its writer or of one reader, with what the kernel says of it.
 *
 * @param index the reader's entry, -1 for the writer
 * @param state as the layout calls it, such as ACTIVE or CLOSED
 * @param mode LOSSLESS or OBSERVER; empty for the writer
 * @param alive whether its lock is held, or its recorded process still runs
 * @param pid recorded process, in the PID namespace it ran in
 * @param since when it attached
 * @param label given by the user
 * @param sequence next sequence to be written or read
 * @param lag messages published but not yet passed; 0 for the writer
 * @param messageCount written or read
 * @param byteCount written or read
 * @param lostCount overwritten before the reader came to them
 * @param waiting whether it sleeps until a peer acts
 */
public record ParticipantInfo(
    int index,
    String state,
    String mode,
    boolean alive,
    long pid,
    Instant since,
    String label,
    long sequence,
    long lag,
    long messageCount,
    long byteCount,
    long lostCount,
    boolean waiting) {}
