package io.qadataswap.api.internal.qds1;

/**
 * One entry of the reader table, 256 bytes. Offsets count from the start of the entry.
 *
 * <pre>
 *  offset width field          writer               reader
 *       0     8 cursor         reader               writer   the oldest sequence not released
 *       8     8 waitingFor     reader, evictor      writer   awaited sequence + 1; 0 not waiting
 *      16    96 pins           reader, evictor      writer   12 words, see below; 0 none
 *     112     8 leftCursor     reader, evictor      writer   highest cursor of a reader that left here
 *     128     4 state          reader, evictor      writer   byte 0 state, byte 1 mode
 *     132     4 wakes          reader               writer   1: the reader can wake the writer
 *     136     8 token          reader, evictor      reader   random, of the current owner
 *     144     8 pid            reader               all
 *     152     8 startTime      reader               all      of the process
 *     160     8 pidNamespace   reader               all      inode number, 0 unknown
 *     168     8 sinceNs        reader               tools    since 1970
 *     176     8 readCount      reader               tools    messages
 *     184     8 readBytes      reader               tools
 *     192     8 lostCount      reader               tools    messages
 *     200    48 label          reader               tools    UTF-8, zero-padded
 * </pre>
 *
 * The first 128 bytes are what the reader changes with each message and the writer scans when it
 * needs room. State and mode are one word, so that the writer never sees one without the other.
 *
 * <p>A pin is {@code (offset / 64) << 32 | max(1, ceil(length / 64))}: a part of the arena that
 * must not be reused.
 */
final class ReaderEntryDescriptor {
  static final int CURSOR_OFFSET = 0;
  static final int WAITING_FOR_OFFSET = 8;
  static final int PINS_OFFSET = 16;
  static final int PIN_COUNT = 12;
  static final int LEFT_CURSOR_OFFSET = 112;
  static final int STATE_OFFSET = 128;
  static final int WAKES_OFFSET = 132;
  static final int TOKEN_OFFSET = 136;
  static final int PID_OFFSET = 144;
  static final int START_TIME_OFFSET = 152;
  static final int PID_NAMESPACE_OFFSET = 160;
  static final int SINCE_NS_OFFSET = 168;
  static final int READ_COUNT_OFFSET = 176;
  static final int READ_BYTES_OFFSET = 184;
  static final int LOST_COUNT_OFFSET = 192;
  static final int LABEL_OFFSET = 200;
  static final int LABEL_LENGTH = 48;

  static final int LENGTH = 256;

  static final int FREE = 0;
  static final int JOINING = 1;
  static final int ACTIVE = 2;

  /** Left with open messages: only the pins count. */
  static final int LINGERING = 3;

  static final int MODE_LOSSLESS = 0;
  static final int MODE_OBSERVER = 1;

  private static final int UNIT = 64;

  private ReaderEntryDescriptor() {}

  static int stateWord(int state, int mode) {
    return state | (mode << 8);
  }

  static int state(int stateWord) {
    return stateWord & 0xFF;
  }

  static int mode(int stateWord) {
    return (stateWord >>> 8) & 0xFF;
  }

  /** Returns whether the cursor of this entry holds the writer back. */
  static boolean isLossless(int stateWord) {
    int state = state(stateWord);
    return (state == JOINING || state == ACTIVE) && mode(stateWord) == MODE_LOSSLESS;
  }

  static long pin(long offset, long length) {
    return ((offset / UNIT) << 32) | Math.max(1, (length + UNIT - 1) / UNIT);
  }

  static long pinOffset(long pin) {
    return (pin >>> 32) * UNIT;
  }

  static long pinEnd(long pin) {
    return pinOffset(pin) + (pin & 0xFFFF_FFFFL) * UNIT;
  }
}
