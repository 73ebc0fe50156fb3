package io.qadataswap.api;

/**
 * Counters of a writer since it was opened.
 *
 * @param writeCount messages committed
 * @param bytesWritten bytes of their payloads
 * @param waitCount claims that had to wait for a reader
 * @param waitTimeoutCount claims that gave up in time
 * @param evictionCount dead readers removed
 * @param readerCount readers attached now
 * @param unreadCount messages published but not yet passed by the slowest lossless reader; without
 *     one, those that nobody has read
 * @param nextSequence the sequence of the next message
 */
public record WriterStats(
    long writeCount,
    long bytesWritten,
    long waitCount,
    long waitTimeoutCount,
    long evictionCount,
    int readerCount,
    long unreadCount,
    long nextSequence) {}
