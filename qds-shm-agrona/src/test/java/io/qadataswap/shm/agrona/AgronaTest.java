package io.qadataswap.shm.agrona;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

class AgronaTest {
  @Test
  void worksWithTheFlagsOfThisBuild() {
    UnsafeBuffer buffer = new UnsafeBuffer(ByteBuffer.allocateDirect(8));

    buffer.putLongRelease(0, 42);

    assertEquals(42, buffer.getLongAcquire(0));
  }
}
