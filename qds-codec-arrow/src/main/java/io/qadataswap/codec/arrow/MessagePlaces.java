package io.qadataswap.codec.arrow;

import java.util.ArrayList;
import java.util.List;

/**
 * The memories of a decoder's messages, which serve one message after the other. Payloads return to
 * the same places soon: where they also look alike, each place has a memory, with vectors that stay
 * loaded.
 *
 * <p>One thread at a time.
 */
final class MessagePlaces {
  /** How many are kept for messages of any kind: as many may be open at the same time. */
  private static final int MOST_COMMON = 4;

  private static final int LEAST_COUNT = 1 << 4;

  /** Enough for 64 KiB of messages of any length. */
  private static final int MOST_COUNT = 1 << 10;

  /** Columns of all places, some 500 bytes each. */
  private static final int MOST_COLUMNS = 1 << 13;

  private final ChannelAllocator allocator;
  private final ValidBits validBits;
  private final List<MessageMemory> common = new ArrayList<>(MOST_COMMON);

  /** By the addresses of their last messages, modulo a power of two. */
  private MessageMemory[] places = new MessageMemory[LEAST_COUNT];

  private int missCount;

  MessagePlaces(ChannelAllocator allocator, ValidBits validBits) {
    this.allocator = allocator;
    this.validBits = validBits;
  }

  /** Returns a memory for one message alone. */
  MessageMemory single() {
    return new MessageMemory(allocator, validBits);
  }

  /** Returns a free memory. */
  MessageMemory any() {
    for (int i = 0; i < common.size(); i++) {
      MessageMemory memory = common.get(i);
      if (memory.isFree()) {
        return memory;
      }
    }
    MessageMemory memory = single();
    if (common.size() < MOST_COMMON) {
      common.add(memory);
    }
    return memory;
  }

  /** Returns a free memory, if possible that of the last message at an address. */
  MessageMemory at(long address, TableLayout layout) {
    int place = place(address, places);
    MessageMemory memory = places[place];
    if (memory == null) {
      memory = single();
      places[place] = memory;
    } else if (memory.address() != address && ++missCount > places.length && canGrow(layout)) {
      grow();
      return at(address, layout);
    }
    return memory.isFree() ? memory : any();
  }

  private boolean canGrow(TableLayout layout) {
    return places.length < MOST_COUNT && places.length * (long) layout.nodeCount() < MOST_COLUMNS;
  }

  private void grow() {
    MessageMemory[] more = new MessageMemory[4 * places.length];
    for (MessageMemory memory : places) {
      if (memory != null) {
        more[place(memory.address(), more)] = memory;
      }
    }
    places = more;
    missCount = 0;
  }

  private static int place(long address, MessageMemory[] places) {
    return (int) (address / BatchMetadata.ALIGNMENT) & places.length - 1;
  }
}
