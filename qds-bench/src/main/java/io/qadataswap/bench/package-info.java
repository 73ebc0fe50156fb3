/**
 * Benchmarks of QDS: rounds between two processes, set against what the machine can do at best, and
 * JMH benchmarks in one.
 */
package io.qadataswap.bench;
