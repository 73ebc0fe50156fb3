package io.qadataswap.bench;

import java.nio.file.Path;
import java.util.List;

/**
 * What the scenarios work with.
 *
 * @param placement of the sides
 * @param limits of the machine
 * @param directory in shared memory, for this run alone
 * @param backends to measure
 * @param repetitionCount of each contender
 */
record Bench(
    Placement placement,
    Limits limits,
    Path directory,
    List<String> backends,
    int repetitionCount) {}
