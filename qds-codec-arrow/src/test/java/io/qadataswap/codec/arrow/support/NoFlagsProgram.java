package io.qadataswap.codec.arrow.support;

import io.qadataswap.api.QdsException;
import io.qadataswap.codec.arrow.ArrowTable;
import java.util.HexFormat;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Runs in a process of its own, without any flag: writes and reads every type. */
public final class NoFlagsProgram {
  private NoFlagsProgram() {}

  /**
   * Prints what it has done; whatever goes wrong ends the process with another exit code than 0.
   *
   * @param arguments a compressed message in hexadecimal digits
   */
  public static void main(String[] arguments) {
    System.out.println("module=" + ArrowTable.class.getModule().getName());
    try (BufferAllocator allocator = new RootAllocator();
        Loopback loopback = new Loopback(allocator, true);
        VectorSchemaRoot root = new Samples(allocator, 1, true).batch(Samples.fields(), 1000)) {
      for (int i = 0; i < 3; i++) {
        Loopback.Sent sent = loopback.send(ArrowTable.of(root));
        Values.assertSame(root, sent.read().root());
        sent.close();
      }
      System.out.println("columns=" + root.getFieldVectors().size());
      Loopback.Sent compressed = loopback.send(HexFormat.of().parseHex(arguments[0]));
      try {
        System.out.println("rows=" + compressed.read().rowCount());
        compressed.close();
      } catch (QdsException e) {
        System.out.println(e.reason() + " " + e.getMessage());
      }
    }
  }
}
