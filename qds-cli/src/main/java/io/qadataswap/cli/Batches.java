package io.qadataswap.cli;

import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Schema;

/** Record batches of one schema, one after the other. */
interface Batches {
  Schema schema();

  /**
   * Goes to the next batch; blocks while the source does.
   *
   * @return whether there is one
   */
  boolean next();

  /** Returns the current batch, valid until the next call of {@link #next}. */
  VectorSchemaRoot batch();

  /** Returns the dictionaries of the current batch. */
  DictionaryProvider dictionaries();
}
