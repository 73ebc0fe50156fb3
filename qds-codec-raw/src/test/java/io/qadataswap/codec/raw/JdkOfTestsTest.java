package io.qadataswap.codec.raw;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class JdkOfTestsTest {
  @Test
  void isTheOneThatTheBuildNames() {
    assertEquals(Integer.getInteger("qds.test.jdk"), Runtime.version().feature());
  }

  @Test
  void loadsTheModuleAsNamedModule() {
    assertEquals("io.qadataswap.codec.raw", getClass().getModule().getName());
  }
}
