package io.qadataswap.cli;

import io.qadataswap.codec.arrow.ArrowTable;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Schema;

/** The batches of a table. */
final class TableBatches implements Batches {
  private final ArrowTable table;
  private int index = -1;

  TableBatches(ArrowTable table) {
    this.table = table;
  }

  @Override
  public Schema schema() {
    return table.schema();
  }

  @Override
  public boolean next() {
    if (index + 1 >= table.batchCount()) {
      return false;
    }
    index++;
    return true;
  }

  @Override
  public VectorSchemaRoot batch() {
    return table.batch(index);
  }

  @Override
  public DictionaryProvider dictionaries() {
    return table.dictionaries();
  }
}
