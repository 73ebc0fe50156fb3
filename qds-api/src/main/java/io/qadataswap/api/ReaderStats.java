package io.qadataswap.api;

/**
 * Counters of a reader since it was opened.
 *
 * @param readCount messages received
 * @param bytesRead bytes of their payloads
 * @param waitTimeoutCount reads that gave up in time
 * @param lostCount messages that were overwritten before this reader came to them
 * @param copyCount messages handed out as private copies
 * @param openLoanCount messages and views not yet closed
 * @param lag messages published but not yet received
 * @param nextSequence the sequence of the next message
 */
public record ReaderStats(
    long readCount,
    long bytesRead,
    long waitTimeoutCount,
    long lostCount,
    long copyCount,
    int openLoanCount,
    long lag,
    long nextSequence) {}
