package io.qadataswap.codec.arrow.example;

import io.qadataswap.api.Qds;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowClaim;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.nio.file.Path;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.Text;

/** The examples of the Javadoc, which shows them from here. */
public final class ArrowExamples {
  private ArrowExamples() {}

  /**
   * Writes a batch that is filled in place.
   *
   * @param directory of the channel
   * @param names of the batch
   * @throws InterruptedException if the thread was interrupted
   */
  public static void claim(Path directory, List<Text> names) throws InterruptedException {
    Schema schema =
        new Schema(
            List.of(
                Field.notNullable("id", new ArrowType.Int(64, true)),
                Field.nullable("name", ArrowType.Utf8.INSTANCE)));
    try (BufferAllocator allocator = new RootAllocator()) {
      ArrowCodec codec = ArrowCodec.with(allocator);
      try (Writer<ArrowTable> writer = Qds.writer("names", codec).directory(directory).open()) {
        // @start region="claim"
        long nameBytes = names.stream().mapToLong(Text::getLength).sum();
        try (ArrowClaim claim = codec.claimRows(writer, schema, names.size(), nameBytes)) {
          BigIntVector id = (BigIntVector) claim.root().getVector("id");
          VarCharVector name = (VarCharVector) claim.root().getVector("name");
          for (int row = 0; row < names.size(); row++) {
            id.set(row, row);
            name.set(row, names.get(row).getBytes(), 0, (int) names.get(row).getLength());
          }
          claim.commit(names.size()); // moves no value: readers find them where they were set
        }
        // @end
      }
    }
  }
}
