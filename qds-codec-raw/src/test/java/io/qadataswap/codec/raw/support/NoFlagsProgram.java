package io.qadataswap.codec.raw.support;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawClaim;
import io.qadataswap.codec.raw.RawCodec;
import io.qadataswap.codec.raw.RawField;
import io.qadataswap.codec.raw.RawMessageCodec;
import io.qadataswap.codec.raw.RawSchema;
import io.qadataswap.codec.raw.RawType;
import java.nio.file.Path;
import net.openhft.chronicle.bytes.Bytes;

/** Sends batches and messages from here to here, in a JVM without flags for this codec. */
public final class NoFlagsProgram {
  private NoFlagsProgram() {}

  /**
   * Runs it.
   *
   * @param args directory of the channels; {@code columns} to use no Chronicle Bytes, {@code bytes}
   *     to use them, {@code native} to use native memory of Chronicle's besides
   * @throws Exception if it does not work
   */
  public static void main(String[] args) throws Exception {
    Path directory = Path.of(args[0]);
    System.out.println("module=" + RawCodec.class.getModule().getName());
    boolean bytes = !args[1].equals("columns");
    RawSchema schema = RawSchema.of(RawField.of("number", RawType.INT64));
    Codec<RawBatch> codec = RawCodec.instance();
    try (Writer<RawBatch> writer = Qds.writer("a", codec).directory(directory).open();
        Reader<RawBatch> reader = Qds.reader("a", codec).directory(directory).open()) {
      RawClaim claim = RawClaim.on(writer, schema);
      claim.open(1, 0).column(0).setLong(0, 7);
      claim.commit(1);
      try (Message<RawBatch> message = reader.read()) {
        long value =
            bytes
                ? message.value().column(0).values().readLong(0)
                : message.value().column(0).getLong(0);
        System.out.println("column=" + value);
      }
    }
    if (args[1].equals("native")) {
      Bytes<?> memory = Bytes.allocateElasticDirect(64);
      memory.writeLong(1);
      memory.releaseLast();
    }
    if (bytes) {
      Codec<String> texts =
          RawMessageCodec.of(
              "texts",
              100,
              (text, out) -> out.writeUtf8(text).append("=").append(4).append(0.5),
              (in, reuse) -> in.readUtf8() + in);
      try (Writer<String> writer = Qds.writer("b", texts).directory(directory).open();
          Reader<String> reader = Qds.reader("b", texts).directory(directory).open()) {
        writer.write("message");
        try (Message<String> message = reader.read()) {
          Region payload = message.payload();
          System.out.println(message.value() + " in " + payload.length());
        }
      }
    }
  }
}
