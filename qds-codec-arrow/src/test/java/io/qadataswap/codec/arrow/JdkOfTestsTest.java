package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class JdkOfTestsTest {
  @Test
  void isTheOneThatTheBuildNames() {
    assertEquals(Integer.getInteger("qds.test.jdk"), Runtime.version().feature());
  }

  @Test
  void loadsTheModuleAsNamedModule() {
    assertEquals("io.qadataswap.codec.arrow", getClass().getModule().getName());
  }
}
