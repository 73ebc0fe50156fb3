package io.qadataswap.cli;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Lengths and times as people write and read them. */
final class Units {
  private static final Pattern NUMBER_AND_UNIT = Pattern.compile("([0-9]{1,15})\\s*([A-Za-z]*)");
  private static final String[] BINARY_PREFIXES = {"", "Ki", "Mi", "Gi", "Ti"};

  private Units() {}

  /** Parses 500ms, 30s, 5m, 1h, or a bare number of seconds. */
  static Duration parseDuration(String text) {
    Matcher matcher = NUMBER_AND_UNIT.matcher(text.strip());
    if (matcher.matches()) {
      long number = Long.parseLong(matcher.group(1));
      Duration duration =
          switch (matcher.group(2).toLowerCase(Locale.ROOT)) {
            case "ms" -> Duration.ofMillis(number);
            case "", "s" -> Duration.ofSeconds(number);
            case "m", "min" -> Duration.ofMinutes(number);
            case "h" -> Duration.ofHours(number);
            default -> null;
          };
      if (duration != null) {
        return duration;
      }
    }
    throw new TypeConversionException(
        "'" + text + "' is not a duration; allowed are 500ms, 30s, 5m, 1h and the like");
  }

  /** Parses a number of bytes such as 4096, 64K, 100MiB, 2G; all prefixes are powers of 1024. */
  static final class LengthConverter implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      Matcher matcher = NUMBER_AND_UNIT.matcher(text.strip());
      if (matcher.matches()) {
        String unit = matcher.group(2).toLowerCase(Locale.ROOT).replaceFirst("i?b?$", "");
        int power = "kmgt".indexOf(unit) + 1;
        if (unit.isEmpty()) {
          power = 0;
        }
        if (unit.isEmpty() || (unit.length() == 1 && power > 0)) {
          try {
            return Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << (10 * power));
          } catch (ArithmeticException e) {
            // Refused below.
          }
        }
      }
      throw new TypeConversionException(
          "'" + text + "' is not a length; allowed are bytes, 64K, 100M, 2G and the like");
    }
  }

  static String length(long bytes) {
    double value = bytes;
    int power = 0;
    while (value >= 1024 && power < BINARY_PREFIXES.length - 1) {
      value /= 1024;
      power++;
    }
    return power == 0
        ? bytes + " B"
        : String.format(Locale.ROOT, "%.1f %sB", value, BINARY_PREFIXES[power]);
  }

  static String rate(long bytes, long durationNs) {
    return String.format(Locale.ROOT, "%.2f GB/s", (double) bytes / Math.max(1, durationNs));
  }

  static String time(long durationNs) {
    if (durationNs < 1_000) {
      return durationNs + " ns";
    }
    if (durationNs < 1_000_000) {
      return String.format(Locale.ROOT, "%.1f us", durationNs / 1e3);
    }
    if (durationNs < 1_000_000_000) {
      return String.format(Locale.ROOT, "%.1f ms", durationNs / 1e6);
    }
    return String.format(Locale.ROOT, "%.1f s", durationNs / 1e9);
  }

  static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  static String count(long number, String noun) {
    return count(number) + " " + noun + (number == 1 ? "" : "s");
  }
}
