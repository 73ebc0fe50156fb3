package io.qadataswap.bench;

import java.io.IOException;
import java.util.List;

/** Something that is measured between two processes. */
interface Scenario {
  /** For --scenario. */
  String name();

  List<Measurement> measure(Bench bench) throws IOException;
}
