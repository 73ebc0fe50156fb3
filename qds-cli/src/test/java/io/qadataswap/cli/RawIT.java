package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.qadataswap.api.Qds;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawCodec;
import io.qadataswap.codec.raw.RawField;
import io.qadataswap.codec.raw.RawSchema;
import io.qadataswap.codec.raw.RawType;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** What recv does with channels of raw batches: the same as with tables. */
class RawIT {
  @Test
  void rawBatchesArePrintedAndSavedLikeTables() throws IOException, InterruptedException {
    RawBatch batch =
        RawBatch.allocate(
            RawSchema.of(
                RawField.of("id", RawType.INT64),
                RawField.of("name", RawType.UTF8).orNull(),
                RawField.of("small", RawType.UINT8),
                RawField.of("good", RawType.BOOL)),
            2,
            100);
    batch.column("id").setLong(0, 7);
    batch.column("id").setLong(1, -8);
    batch.column("name").setString(0, "größer");
    batch.column("name").setNull(1);
    batch.column("small").setByte(0, (byte) 255);
    batch.column("small").setByte(1, (byte) 1);
    batch.column("good").setBoolean(0, true);
    batch.column("good").setBoolean(1, false);
    batch.setRowCount(2);
    try (Tool tool = Tool.create()) {
      for (String output : new String[] {"--format", "--out"}) {
        try (Writer<RawBatch> writer =
            Qds.writer("prices", RawCodec.instance()).directory(tool.channels()).open()) {
          writer.write(batch);
        }
        String where = output.equals("--out") ? tool.file("saved.arrow").toString() : "jsonl";
        String printed = tool.ok("recv", "--channel", "prices", output, where).out();
        if (output.equals("--format")) {
          assertEquals(
              """
              {"id":7,"name":"größer","small":255,"good":true}
              {"id":-8,"name":null,"small":1,"good":false}
              """,
              printed);
        }
      }
      // The file is a file like any other.
      tool.ok("send", tool.file("saved.arrow"), "--channel", "again");
    }
  }
}
