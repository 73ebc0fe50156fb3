/** Shared memory on {@code java.lang.foreign}. */
package io.qadataswap.shm.ffm;
