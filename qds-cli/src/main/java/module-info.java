/** The tool behind {@code ./qds}. */
module io.qadataswap.cli {
  requires com.fasterxml.jackson.core;
  requires com.fasterxml.jackson.databind;
  requires com.samskivert.jmustache;
  requires info.picocli;
  requires io.qadataswap.api;
  requires io.qadataswap.codec.arrow;
  requires io.qadataswap.codec.raw;
  requires io.qadataswap.tck;
  requires java.logging;
  requires java.management;
  requires org.apache.arrow.compression;
  requires org.apache.arrow.format;
  requires org.apache.arrow.memory.core;
  requires org.apache.arrow.vector;
  requires org.junit.platform.engine;
  requires org.junit.platform.launcher;
  requires org.junit.platform.reporting;

  opens io.qadataswap.cli to
      com.fasterxml.jackson.databind,
      info.picocli;
}
