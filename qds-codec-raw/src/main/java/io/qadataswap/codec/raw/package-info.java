/** Raw columnar batches and user messages. */
package io.qadataswap.codec.raw;
