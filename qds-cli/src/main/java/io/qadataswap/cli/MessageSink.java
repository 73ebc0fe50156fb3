package io.qadataswap.cli;

import io.qadataswap.api.Message;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;

/** Takes received messages to where the user wants them. */
interface MessageSink extends AutoCloseable {
  /** Takes one message, which stays the caller's. */
  void accept(Message<ArrowTable> message) throws IOException;

  /** Completes the output; nothing more comes. */
  void finish() throws IOException;

  /** Frees what is held; an output that was not finished goes away. */
  @Override
  void close() throws IOException;
}
