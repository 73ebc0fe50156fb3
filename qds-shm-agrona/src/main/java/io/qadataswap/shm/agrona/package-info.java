/** Shared memory on Agrona's buffers. */
package io.qadataswap.shm.agrona;
