package io.qadataswap.shm.agrona;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class JdkOfTestsTest {
  @Test
  void isTheOneThatTheBuildNames() {
    assertEquals(Integer.getInteger("qds.test.jdk"), Runtime.version().feature());
  }

  @Test
  void loadsTheModuleAsNamedModule() {
    assertEquals("io.qadataswap.shm.agrona", getClass().getModule().getName());
  }
}
