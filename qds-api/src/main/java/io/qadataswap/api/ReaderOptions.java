package io.qadataswap.api;

import java.nio.file.Path;

/**
 * Everything a layout needs to know to open a reader. Made by {@link ReaderBuilder}, which has the
 * defaults and explains each value.
 *
 * @param name of the channel
 * @param directory of the segment file
 * @param codecId that the header must have; empty for any
 * @param mode what the reader is to the writer
 * @param start where to start
 * @param trust how far to trust what the writer stores
 * @param waitStrategy how to wait for a message
 * @param awaitSuccessor whether to wait for a new writer when the writer has died
 * @param label shown by tools, at most 48 bytes of UTF-8
 */
public record ReaderOptions(
    String name,
    Path directory,
    String codecId,
    ReaderMode mode,
    StartPosition start,
    Trust trust,
    WaitStrategy waitStrategy,
    boolean awaitSuccessor,
    String label) {}
