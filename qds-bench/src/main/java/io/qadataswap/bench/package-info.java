/** Benchmarks in one process and in two. */
package io.qadataswap.bench;
