package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class FixtureTckTest extends FixtureTck {
  @Test
  void everyBackendIsTried() {
    int expected = Runtime.version().feature() < 22 ? 1 : 2;
    assertEquals(expected, imagesAreRead().count());
  }
}
