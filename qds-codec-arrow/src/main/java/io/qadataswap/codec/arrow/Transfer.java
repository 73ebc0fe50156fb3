package io.qadataswap.codec.arrow;

import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.OwnershipTransferResult;

/** A transfer that no limit was in the way of. */
record Transfer(ArrowBuf buffer) implements OwnershipTransferResult {
  @Override
  public boolean getAllocationFit() {
    return true;
  }

  @Override
  public ArrowBuf getTransferredBuffer() {
    return buffer;
  }
}
