package io.qadataswap.api.internal.qds1;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.OverflowPolicy;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * Holds the code to the table of offsets in the wire specification, and the table to the code: who
 * implements the layout in another language has nothing but that table.
 */
class OffsetsTableTest {
  private static final Path SPECIFICATION = Path.of("..", "qds-tck", "spec");
  private static final Path TABLE = SPECIFICATION.resolve("qds1-offsets.tsv");
  private static final Path TEXT = SPECIFICATION.resolve("qds1.md");
  private static final Path SOURCES =
      Path.of("src", "main", "java", "io", "qadataswap", "api", "internal", "qds1");

  /** Some CPUs fetch cache lines in pairs. */
  private static final int SHARING_LENGTH = 128;

  private static final Map<String, Class<?>> CLASSES =
      Map.of(
          "header", HeaderDescriptor.class,
          "readerEntry", ReaderEntryDescriptor.class,
          "messageDescriptor", MessageDescriptor.class,
          "geometry", Geometry.class);

  private static final Pattern DRAWN =
      Pattern.compile(" \\* +(?<offset>\\d+) +(?<width>\\d+) (?<name>\\w+)( .*)?");

  private static final Pattern WRITTEN =
      Pattern.compile("\\| (?<offset>\\d+) \\| (?<width>\\d+) \\| `(?<name>\\w+)` \\| ");

  /** A line of the table; {@code width} is 0 where it has none. */
  private record Row(
      String kind,
      String section,
      String name,
      long value,
      int width,
      String type,
      String writer,
      boolean hot) {
    long end() {
      return value + width;
    }

    /** Who writes while messages flow, without those who clean up after him. */
    String mainWriter() {
      return writer.split(",", 2)[0];
    }
  }

  private final List<Row> rows = read();

  @Test
  @DisplayName("each offset in the code is in the table and the reverse, with the same value")
  void offsetsAgree() throws IllegalAccessException {
    for (String section : sections()) {
      Map<String, Long> inTable = new TreeMap<>();
      for (Row row : of(section, "field")) {
        assertEquals(null, inTable.put(constantName(row.name()) + "_OFFSET", row.value()));
      }
      Map<String, Long> inCode = new TreeMap<>();
      constants(CLASSES.get(section))
          .forEach((name, value) -> {
            if (name.endsWith("_OFFSET")) {
              inCode.put(name, value);
            }
          });
      assertEquals(inCode, inTable, section);
    }
  }

  @Test
  @DisplayName("each other constant in the code is in the table and the reverse")
  void constantsAgree() throws IllegalAccessException {
    for (Map.Entry<String, Class<?>> entry : CLASSES.entrySet()) {
      Map<String, Long> inTable = new TreeMap<>();
      for (Row row : of(entry.getKey(), "constant")) {
        assertEquals(null, inTable.put(constantName(row.name()), row.value()));
      }
      for (Row row : of(entry.getKey(), "section")) {
        inTable.put("LENGTH", row.value());
      }
      Map<String, Long> inCode = constants(entry.getValue());
      inCode.keySet().removeIf(name -> name.endsWith("_OFFSET"));
      assertEquals(inCode, inTable, entry.getKey());
    }
  }

  @Test
  @DisplayName("the drawing in each descriptor's Javadoc has the table's offsets and widths")
  void drawingsAgree() throws IOException {
    for (String section : sections()) {
      List<String> drawn = new ArrayList<>();
      Path source = SOURCES.resolve(CLASSES.get(section).getSimpleName() + ".java");
      String text = Files.readString(source, StandardCharsets.UTF_8);
      String drawing = text.substring(text.indexOf("<pre>"), text.indexOf("</pre>"));
      for (String line : drawing.lines().toList()) {
        Matcher matcher = DRAWN.matcher(line);
        if (matcher.matches() && !matcher.group("name").equals("reserved")) {
          drawn.add(
              matcher.group("offset") + " " + matcher.group("width") + " " + matcher.group("name"));
        }
      }
      List<String> inTable =
          of(section, "field").stream()
              .map(row -> row.value() + " " + row.width() + " " + row.name())
              .toList();
      assertEquals(inTable, drawn, source.toString());
    }
  }

  @Test
  @DisplayName("the specification's text has the table's offsets and widths")
  void textAgrees() throws IOException {
    List<String> inText = new ArrayList<>();
    for (String line : Files.readAllLines(TEXT, StandardCharsets.UTF_8)) {
      Matcher matcher = WRITTEN.matcher(line);
      if (matcher.lookingAt()) {
        inText.add(
            matcher.group("offset") + " " + matcher.group("width") + " " + matcher.group("name"));
      }
    }
    List<String> inTable =
        rows.stream()
            .filter(row -> row.kind().equals("field"))
            .map(row -> row.value() + " " + row.width() + " " + row.name())
            .toList();
    assertEquals(inTable, inText);
  }

  @Test
  @DisplayName("fields and reserved bytes fill each section without gap or overlap")
  void sectionsAreFilled() {
    for (String section : sections()) {
      long end = 0;
      for (Row row : rows) {
        if (row.section().equals(section)
            && (row.kind().equals("field") || row.kind().equals("reserved"))) {
          assertEquals(end, row.value(), section + " " + row.name());
          assertTrue(row.width() > 0, section + " " + row.name());
          end = row.end();
        }
      }
      assertEquals(of(section, "section").get(0).value(), end, section);
    }
  }

  @Test
  @DisplayName("each number has the width of its type and is naturally aligned")
  void numbersAreAligned() {
    for (String section : sections()) {
      for (Row row : of(section, "field")) {
        Matcher type = Pattern.compile("[iu](\\d+)(\\[(\\d+)])?").matcher(row.type());
        if (type.matches()) {
          int unit = Integer.parseInt(type.group(1)) / Byte.SIZE;
          int count = type.group(3) == null ? 1 : Integer.parseInt(type.group(3));
          assertEquals(unit * count, row.width(), row.toString());
          assertEquals(0, row.value() % unit, row.toString());
        } else {
          assertTrue(List.of("ascii", "utf8", "uuid").contains(row.type()), row.toString());
          assertEquals(0, row.value() % Long.BYTES, row.toString());
        }
      }
    }
  }

  @Test
  @DisplayName("texts are as long as their length constants, pins as many as their count")
  void widthsAgreeWithLengths() {
    assertAll(
        () -> assertEquals(HeaderDescriptor.CODEC_ID_LENGTH, width("header", "codecId")),
        () ->
            assertEquals(
                HeaderDescriptor.CREATOR_LANGUAGE_LENGTH, width("header", "creatorLanguage")),
        () ->
            assertEquals(
                HeaderDescriptor.CREATOR_VERSION_LENGTH, width("header", "creatorVersion")),
        () ->
            assertEquals(
                HeaderDescriptor.CREATOR_BACKEND_LENGTH, width("header", "creatorBackend")),
        () -> assertEquals(ReaderEntryDescriptor.LABEL_LENGTH, width("header", "writerLabel")),
        () -> assertEquals(ReaderEntryDescriptor.LABEL_LENGTH, width("readerEntry", "label")),
        () ->
            assertEquals(
                ReaderEntryDescriptor.PIN_COUNT * Long.BYTES, width("readerEntry", "pins")));
  }

  @Test
  @DisplayName("hot words of different writers are at least 128 bytes apart")
  void hotWordsAreApart() {
    for (String section : List.of("header", "readerEntry")) {
      List<Row> hot = of(section, "field").stream().filter(Row::hot).toList();
      for (Row one : hot) {
        for (Row other : rows) {
          // What is not hot is written when somebody comes or goes, by whoever that is.
          boolean counts =
              other.kind().equals("field")
                  && other.section().equals(section)
                  && other.value() > one.value()
                  && !(one.mainWriter().equals(other.mainWriter()) && other.hot());
          if (counts) {
            assertNotEquals(
                one.value() / SHARING_LENGTH, other.value() / SHARING_LENGTH, one + " " + other);
          }
        }
      }
    }
    assertEquals(0, HeaderDescriptor.LENGTH % SHARING_LENGTH);
    assertEquals(0, ReaderEntryDescriptor.LENGTH % SHARING_LENGTH);
  }

  @Test
  @DisplayName("a formatted header holds each value where the table says")
  void formattedHeaderFollowsTheTable() {
    Geometry geometry =
        new Geometry(
            3, 8, 4096, 4864, 65536, 65536, 131072, OverflowPolicy.DROP_OLDEST, 5, 32704, true);
    UUID segmentUuid = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    UUID bootId = UUID.fromString("0f0e0d0c-0b0a-0908-0706-050403020100");
    ByteBuffer b =
        ByteBuffer.wrap(
                new SegmentHeader(
                        geometry, "codec", 77, segmentUuid, bootId, 11, 12, "java", "0.1", "ffm")
                    .format())
            .order(ByteOrder.LITTLE_ENDIAN);
    Map<String, Long> numbers =
        Map.ofEntries(
            Map.entry("magic", constant("header", "magic")),
            Map.entry("byteOrder", constant("header", "byteOrder")),
            Map.entry("versionMajor", constant("header", "versionMajor")),
            Map.entry("versionMinor", constant("header", "versionMinor")),
            Map.entry("featuresForReaders", 0L),
            Map.entry("featuresForWriters", constant("header", "featurePayloadChecksum")),
            Map.entry("featuresInformative", constant("header", "featurePayloadChecksum")),
            Map.entry("headerLength", of("header", "section").get(0).value()),
            Map.entry("readerEntryLength", of("readerEntry", "section").get(0).value()),
            Map.entry("messageDescriptorLength", of("messageDescriptor", "section").get(0).value()),
            Map.entry("readerEntryCount", 3L),
            Map.entry("readerTableOffset", 4096L),
            Map.entry("descriptorRingOffset", 4864L),
            Map.entry("arenaOffset", 65536L),
            Map.entry("arenaLength", 65536L),
            Map.entry("segmentLength", 131072L),
            Map.entry("slotCount", 8L),
            Map.entry("overflowPolicy", constant("header", "policyDropOldest")),
            Map.entry("retainCount", 5L),
            Map.entry("pinCount", constant("readerEntry", "pinCount")),
            Map.entry("maxMessageLength", 32704L),
            Map.entry("creationRealtimeNs", 11L),
            Map.entry("creationMonotonicNs", 12L),
            Map.entry("inode", 77L));
    numbers.forEach((name, value) -> assertEquals(value, number(b, name), name));
    assertEquals("00112233445566778899aabbccddeeff", hex(b, "segmentUuid"));
    assertEquals("0f0e0d0c0b0a09080706050403020100", hex(b, "bootId"));
    assertEquals("codec", text(b, "codecId"));
    assertEquals("java", text(b, "creatorLanguage"));
    assertEquals("0.1", text(b, "creatorVersion"));
    assertEquals("ffm", text(b, "creatorBackend"));
    for (Row row : of("header", "reserved")) {
      for (long at = row.value(); at < row.end(); at++) {
        assertEquals(0, b.get((int) at), "byte " + at);
      }
    }
  }

  private List<Row> of(String section, String kind) {
    return rows.stream()
        .filter(row -> row.section().equals(section) && row.kind().equals(kind))
        .toList();
  }

  private List<String> sections() {
    return rows.stream().filter(row -> row.kind().equals("section")).map(Row::name).toList();
  }

  private Row row(String section, String kind, String name) {
    return of(section, kind).stream()
        .filter(row -> row.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private int width(String section, String name) {
    return row(section, "field", name).width();
  }

  private long constant(String section, String name) {
    return row(section, "constant", name).value();
  }

  private long number(ByteBuffer b, String name) {
    Row row = row("header", "field", name);
    int at = (int) row.value();
    return switch (row.width()) {
      case Short.BYTES -> b.getShort(at);
      case Integer.BYTES -> b.getInt(at);
      default -> b.getLong(at);
    };
  }

  private String hex(ByteBuffer b, String name) {
    Row row = row("header", "field", name);
    StringBuilder digits = new StringBuilder();
    for (long at = row.value(); at < row.end(); at++) {
      digits.append(String.format("%02x", b.get((int) at)));
    }
    return digits.toString();
  }

  private String text(ByteBuffer b, String name) {
    Row row = row("header", "field", name);
    byte[] bytes = new byte[row.width()];
    b.get((int) row.value(), bytes);
    return new String(bytes, StandardCharsets.US_ASCII).replaceFirst("\0+$", "");
  }

  /** Returns the numbers of a class that are part of the layout. */
  private static Map<String, Long> constants(Class<?> type) throws IllegalAccessException {
    Map<String, Long> constants = new TreeMap<>();
    for (Field field : type.getDeclaredFields()) {
      int modifiers = field.getModifiers();
      boolean number = field.getType() == int.class || field.getType() == long.class;
      if (number && Modifier.isStatic(modifiers) && !Modifier.isPrivate(modifiers)) {
        constants.put(field.getName(), ((Number) field.get(null)).longValue());
      }
    }
    return constants;
  }

  private static String constantName(String name) {
    return name.replaceAll("([A-Z])", "_$1").toUpperCase(java.util.Locale.ROOT);
  }

  private static List<Row> read() {
    List<Row> rows = new ArrayList<>();
    List<String> lines;
    try {
      lines = Files.readAllLines(TABLE, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    for (String line : lines) {
      String[] cells = line.split("\t", -1);
      if (!line.startsWith("#") && !cells[0].equals("kind")) {
        assertEquals(10, cells.length, line);
        rows.add(
            new Row(
                cells[0],
                cells[1],
                cells[2],
                Long.decode(cells[3]),
                cells[4].equals("-") ? 0 : Integer.parseInt(cells[4]),
                cells[5],
                cells[7],
                cells[9].equals("yes")));
      }
    }
    return rows;
  }
}
