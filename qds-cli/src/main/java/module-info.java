/** The tool behind {@code ./qds}. */
module io.qadataswap.cli {
  requires com.fasterxml.jackson.core;
  requires com.fasterxml.jackson.databind;
  requires info.picocli;
  requires io.qadataswap.api;
  requires io.qadataswap.codec.arrow;
  requires java.logging;
  requires java.management;
  requires org.apache.arrow.compression;
  requires org.apache.arrow.format;
  requires org.apache.arrow.memory.core;
  requires org.apache.arrow.vector;

  opens io.qadataswap.cli to
      com.fasterxml.jackson.databind,
      info.picocli;
}
