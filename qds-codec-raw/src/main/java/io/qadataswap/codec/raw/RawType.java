package io.qadataswap.codec.raw;

/** What the values of a raw column are. */
public enum RawType {
  /** 8 bits, signed. */
  INT8(1, 1),
  /** 16 bits, signed. */
  INT16(2, 2),
  /** 32 bits, signed. */
  INT32(3, 4),
  /** 64 bits, signed. */
  INT64(4, 8),
  /** 8 bits, unsigned; a Java byte holds them. */
  UINT8(5, 1),
  /** 16 bits, unsigned; a Java short holds them. */
  UINT16(6, 2),
  /** 32 bits, unsigned; a Java int holds them. */
  UINT32(7, 4),
  /** 64 bits, unsigned; a Java long holds them. */
  UINT64(8, 8),
  /** IEEE 754, 32 bits. */
  FLOAT32(9, 4),
  /** IEEE 754, 64 bits. */
  FLOAT64(10, 8),
  /** True or false, a byte each. */
  BOOL(11, 1),
  /** Nanoseconds since 1970-01-01T00:00Z, without leap seconds, in a long. */
  TIMESTAMP(12, 8),
  /** Bytes, the same number in each row. */
  FIXED(13, -1),
  /** Text. */
  UTF8(14, 0),
  /** Bytes, any number in each row. */
  BINARY(15, 0);

  private static final RawType[] BY_CODE = new RawType[16];

  static {
    for (RawType type : values()) {
      BY_CODE[type.code] = type;
    }
  }

  private final int code;
  private final int width;

  RawType(int code, int width) {
    this.code = code;
    this.width = width;
  }

  /**
   * Returns the number of bytes of a value.
   *
   * @return bytes; 0 if they vary from row to row; -1 for {@link #FIXED}, whose column says it
   */
  public int width() {
    return width;
  }

  int code() {
    return code;
  }

  /** Returns the type of a code, null if there is none. */
  static RawType ofCode(int code) {
    return code > 0 && code < BY_CODE.length ? BY_CODE[code] : null;
  }
}
