/** The tool behind {@code ./qds}. */
package io.qadataswap.cli;
