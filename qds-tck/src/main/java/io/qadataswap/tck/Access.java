package io.qadataswap.tck;

import io.qadataswap.api.channel.Channel;
import java.nio.ByteBuffer;

/** Every way to touch a channel's memory. */
enum Access {
  GET_BYTE(1, false) {
    @Override
    long on(Channel channel, long offset) {
      return channel.getByte(offset);
    }
  },
  PUT_BYTE(1, true) {
    @Override
    long on(Channel channel, long offset) {
      channel.putByte(offset, (byte) 1);
      return 0;
    }
  },
  GET_INT(4, false) {
    @Override
    long on(Channel channel, long offset) {
      return channel.getInt(offset);
    }
  },
  PUT_INT(4, true) {
    @Override
    long on(Channel channel, long offset) {
      channel.putInt(offset, 1);
      return 0;
    }
  },
  GET_LONG(8, false) {
    @Override
    long on(Channel channel, long offset) {
      return channel.getLong(offset);
    }
  },
  PUT_LONG(8, true) {
    @Override
    long on(Channel channel, long offset) {
      channel.putLong(offset, 1);
      return 0;
    }
  },
  GET_INT_ACQUIRE(4, false) {
    @Override
    long on(Channel channel, long offset) {
      return channel.getIntAcquire(offset);
    }
  },
  PUT_INT_RELEASE(4, true) {
    @Override
    long on(Channel channel, long offset) {
      channel.putIntRelease(offset, 1);
      return 0;
    }
  },
  GET_LONG_ACQUIRE(8, false) {
    @Override
    long on(Channel channel, long offset) {
      return channel.getLongAcquire(offset);
    }
  },
  PUT_LONG_RELEASE(8, true) {
    @Override
    long on(Channel channel, long offset) {
      channel.putLongRelease(offset, 1);
      return 0;
    }
  },
  GET_FEW_BYTES(Access.FEW, false) {
    @Override
    long on(Channel channel, long offset) {
      byte[] target = new byte[FEW];
      channel.getBytes(offset, target, 0, FEW);
      return target[0];
    }
  },
  PUT_FEW_BYTES(Access.FEW, true) {
    @Override
    long on(Channel channel, long offset) {
      channel.putBytes(offset, new byte[FEW], 0, FEW);
      return 0;
    }
  },
  GET_MANY_BYTES(Access.MANY, false) {
    @Override
    long on(Channel channel, long offset) {
      byte[] target = new byte[MANY];
      channel.getBytes(offset, target, 0, MANY);
      return target[0];
    }
  },
  PUT_MANY_BYTES(Access.MANY, true) {
    @Override
    long on(Channel channel, long offset) {
      channel.putBytes(offset, new byte[MANY], 0, MANY);
      return 0;
    }
  },
  COPY(Access.FEW, false) {
    @Override
    long on(Channel channel, long offset) {
      return channel.copyOf(offset, FEW).getByte(0);
    }
  },
  SLICE_GET_LONG(8, false) {
    @Override
    long on(Channel channel, long offset) {
      return channel.slice(offset, 8).getLong(0);
    }
  },
  SLICE_PUT_LONG(8, true) {
    @Override
    long on(Channel channel, long offset) {
      channel.slice(offset, 8).putLong(0, 1);
      return 0;
    }
  },
  SLICE_GET_BYTES(Access.MANY, false) {
    @Override
    long on(Channel channel, long offset) {
      byte[] target = new byte[MANY];
      channel.slice(offset, MANY).get(target);
      return target[0];
    }
  },
  SLICE_PUT_BYTES(Access.MANY, true) {
    @Override
    long on(Channel channel, long offset) {
      channel.slice(offset, MANY).put(ByteBuffer.allocate(MANY));
      return 0;
    }
  };

  static final int FEW = 24;
  static final int MANY = 8192;

  /** Bytes that are touched. */
  final int width;

  final boolean store;

  Access(int width, boolean store) {
    this.width = width;
    this.store = store;
  }

  /** Whether the offset must be a multiple of the width. */
  boolean isOrdered() {
    return name().endsWith("ACQUIRE") || name().endsWith("RELEASE");
  }

  abstract long on(Channel channel, long offset);
}
