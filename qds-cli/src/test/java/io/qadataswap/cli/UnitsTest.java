package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class UnitsTest {
  private final Units.LengthConverter lengths = new Units.LengthConverter();

  @ParameterizedTest
  @CsvSource({"0,PT0S", "30,PT30S", "30s,PT30S", "500ms,PT0.5S", "5 m,PT5M", "1h,PT1H"})
  void durationsAreParsed(String text, Duration expected) {
    assertEquals(expected, Units.parseDuration(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1s", "1d", "s", "1.5s", "soon"})
  void otherDurationsAreRefused(String text) {
    assertThrows(TypeConversionException.class, () -> Units.parseDuration(text));
  }

  @ParameterizedTest
  @CsvSource({"0,0", "4096,4096", "64K,65536", "64kib,65536", "100M,104857600", "2G,2147483648"})
  void lengthsAreParsed(String text, long expected) {
    assertEquals(expected, lengths.convert(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1", "1x", "1mm", "M", "1.5G", "9999999999T"})
  void otherLengthsAreRefused(String text) {
    assertThrows(TypeConversionException.class, () -> lengths.convert(text));
  }

  @Test
  void numbersAreWrittenForPeople() {
    assertEquals("1 message", Units.count(1, "message"));
    assertEquals("1,000 messages", Units.count(1000, "message"));
    assertEquals("1.5 MiB", Units.length(1_600_000));
    assertEquals("1023 B", Units.length(1023));
    assertEquals("999 ns", Units.time(999));
    assertEquals("1.0 us", Units.time(1000));
    assertEquals("2.50 GB/s", Units.rate(5_000_000_000L, 2_000_000_000L));
  }
}
