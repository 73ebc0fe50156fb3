package io.qadataswap.codec.raw;

import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * Describes a column.
 *
 * @param name of the column; 1 to 65535 bytes of UTF-8
 * @param type of its values
 * @param width of a value in bytes; 0 for {@link RawType#UTF8} and {@link RawType#BINARY}
 * @param nullable whether values may be null
 */
public record RawField(String name, RawType type, int width, boolean nullable) {
  private static final int FIXED_LIMIT = 1 << 20;

  /**
   * Checks what it is given.
   *
   * @throws IllegalArgumentException if the name or the width is not allowed
   */
  public RawField {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(type, "type");
    // An unpaired surrogate would become a question mark.
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(name)) {
      throw new IllegalArgumentException("column name=" + name + " allowed=well-formed text");
    }
    int nameLength = name.getBytes(StandardCharsets.UTF_8).length;
    if (nameLength < 1 || nameLength > RawDescriptor.NAME_LENGTH_LIMIT) {
      throw new IllegalArgumentException(
          "column name="
              + name
              + " length="
              + nameLength
              + " allowed=1 to "
              + RawDescriptor.NAME_LENGTH_LIMIT
              + " bytes of UTF-8");
    }
    if (!isWidthOf(type, width)) {
      throw new IllegalArgumentException(
          "column=" + name + " type=" + type + " width=" + width + " allowed=" + widths(type));
    }
  }

  /**
   * Describes a column without nulls of any type but {@link RawType#FIXED}.
   *
   * @param name of the column
   * @param type of its values
   * @return the field
   */
  public static RawField of(String name, RawType type) {
    return new RawField(name, type, type.width(), false);
  }

  /**
   * Describes a column without nulls of {@link RawType#FIXED}.
   *
   * @param name of the column
   * @param width of a value in bytes, 1 to 1048576
   * @return the field
   */
  public static RawField fixed(String name, int width) {
    return new RawField(name, RawType.FIXED, width, false);
  }

  /**
   * Returns the same column, whose values may be null.
   *
   * @return the field
   */
  public RawField orNull() {
    return new RawField(name, type, width, true);
  }

  static boolean isWidthOf(RawType type, int width) {
    return type == RawType.FIXED ? width > 0 && width <= FIXED_LIMIT : width == type.width();
  }

  static String widths(RawType type) {
    return type == RawType.FIXED ? "1 to " + FIXED_LIMIT : "" + type.width();
  }
}
