package io.qadataswap.tck;

import io.qadataswap.api.IfExists;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Timestamps;
import io.qadataswap.api.Trust;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.WriterOptions;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;

/** Options as the facade's builders make them, and short ways to change one. */
final class LayoutOptions {
  /** Of this process alone: a layout may have more of a channel than the file in a directory. */
  static final String CHANNEL =
      System.getProperty(
          LayoutOptions.CHANNEL_PROPERTY, "layout-tck-" + ProcessHandle.current().pid());

  /** System property by which the second JVM gets the channel's name. */
  static final String CHANNEL_PROPERTY = "qds.tck.channel";

  static final String CODEC = "bytes";

  /** Bytes of a usual message. */
  static final int LENGTH = 100;

  private LayoutOptions() {}

  static WriterOptions writer(Path directory, long capacity, int messageSlots) {
    return new WriterOptions(
        CHANNEL,
        directory,
        CODEC,
        capacity,
        messageSlots,
        8,
        OverflowPolicy.BLOCK,
        0,
        0,
        false,
        EnumSet.allOf(WriterOptions.Setting.class),
        PosixFilePermissions.fromString("rw-------"),
        IfExists.TAKE_OVER,
        WaitStrategy.BLOCKING,
        Timestamps.ALWAYS,
        "");
  }

  static ReaderOptions reader(Path directory) {
    return new ReaderOptions(
        CHANNEL,
        directory,
        CODEC,
        ReaderMode.LOSSLESS,
        StartPosition.oldest(),
        Trust.BY_OWNER,
        WaitStrategy.BLOCKING,
        false,
        "");
  }

  static WriterOptions codec(WriterOptions o, String codec) {
    return copy(o, codec, o.capacity(), o.overflow(), o.ifExists(), o.timestamps());
  }

  static WriterOptions capacity(WriterOptions o, long capacity) {
    return copy(o, o.codecId(), capacity, o.overflow(), o.ifExists(), o.timestamps());
  }

  static WriterOptions overflow(WriterOptions o, OverflowPolicy overflow) {
    return copy(o, o.codecId(), o.capacity(), overflow, o.ifExists(), o.timestamps());
  }

  static WriterOptions ifExists(WriterOptions o, IfExists ifExists) {
    return copy(o, o.codecId(), o.capacity(), o.overflow(), ifExists, o.timestamps());
  }

  static WriterOptions timestamps(WriterOptions o, Timestamps timestamps) {
    return copy(o, o.codecId(), o.capacity(), o.overflow(), o.ifExists(), timestamps);
  }

  private static WriterOptions copy(
      WriterOptions o,
      String codec,
      long capacity,
      OverflowPolicy overflow,
      IfExists ifExists,
      Timestamps timestamps) {
    return new WriterOptions(
        o.name(),
        o.directory(),
        codec,
        capacity,
        o.messageSlots(),
        o.readerEntries(),
        overflow,
        o.retainCount(),
        o.maxMessageLength(),
        o.payloadChecksum(),
        o.chosen(),
        o.fileMode(),
        ifExists,
        o.waitStrategy(),
        timestamps,
        o.label());
  }

  static ReaderOptions codec(ReaderOptions o, String codec) {
    return copy(o, codec, o.mode(), o.start(), o.trust(), o.awaitSuccessor());
  }

  static ReaderOptions mode(ReaderOptions o, ReaderMode mode) {
    return copy(o, o.codecId(), mode, o.start(), o.trust(), o.awaitSuccessor());
  }

  static ReaderOptions start(ReaderOptions o, StartPosition start) {
    return copy(o, o.codecId(), o.mode(), start, o.trust(), o.awaitSuccessor());
  }

  static ReaderOptions trust(ReaderOptions o, Trust trust) {
    return copy(o, o.codecId(), o.mode(), o.start(), trust, o.awaitSuccessor());
  }

  static ReaderOptions awaitSuccessor(ReaderOptions o) {
    return copy(o, o.codecId(), o.mode(), o.start(), o.trust(), true);
  }

  private static ReaderOptions copy(
      ReaderOptions o,
      String codec,
      ReaderMode mode,
      StartPosition start,
      Trust trust,
      boolean awaitSuccessor) {
    return new ReaderOptions(
        o.name(),
        o.directory(),
        codec,
        mode,
        start,
        trust,
        o.waitStrategy(),
        awaitSuccessor,
        o.label());
  }
}
