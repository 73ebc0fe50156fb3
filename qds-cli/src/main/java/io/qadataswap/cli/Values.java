package io.qadataswap.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.DateMilliVector;
import org.apache.arrow.vector.ExtensionTypeVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.Float2Vector;
import org.apache.arrow.vector.LargeVarBinaryVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.NullVector;
import org.apache.arrow.vector.TimeMicroVector;
import org.apache.arrow.vector.TimeMilliVector;
import org.apache.arrow.vector.TimeNanoVector;
import org.apache.arrow.vector.TimeSecVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.UInt1Vector;
import org.apache.arrow.vector.UInt2Vector;
import org.apache.arrow.vector.UInt4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.ViewVarBinaryVector;
import org.apache.arrow.vector.ViewVarCharVector;
import org.apache.arrow.vector.complex.BaseListVector;
import org.apache.arrow.vector.complex.DenseUnionVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.LargeListViewVector;
import org.apache.arrow.vector.complex.NonNullableStructVector;
import org.apache.arrow.vector.complex.RunEndEncodedVector;
import org.apache.arrow.vector.complex.UnionVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;

/**
 * Arrow values as people read them: null, Boolean, Number, String, List, or Map. Dictionary indices
 * are decoded, times are ISO 8601, binary data are base 64.
 */
final class Values {
  private static final long MS_PER_DAY = 86_400_000;

  private Values() {}

  static Object of(ValueVector vector, int index, DictionaryProvider dictionaries) {
    if (vector instanceof NullVector || vector.isNull(index)) {
      return null;
    }
    DictionaryEncoding encoding = vector.getField().getDictionary();
    if (encoding != null && vector instanceof BaseIntVector indices) {
      Dictionary dictionary = dictionaries.lookup(encoding.getId());
      long entry = indices.getValueAsLong(index);
      if (dictionary == null || entry < 0 || entry >= dictionary.getVector().getValueCount()) {
        throw new ToolException(
            "column="
                + vector.getName()
                + " row="
                + index
                + " has entry "
                + entry
                + ", which dictionary "
                + encoding.getId()
                + " does not have");
      }
      return of(dictionary.getVector(), (int) entry, dictionaries);
    }
    return switch (vector) {
      case BitVector v -> v.get(index) != 0;
      case UInt1Vector v -> v.get(index) & 0xFF;
      case UInt2Vector v -> (int) v.get(index);
      case UInt4Vector v -> Integer.toUnsignedLong(v.get(index));
      case UInt8Vector v -> new BigInteger(Long.toUnsignedString(v.get(index)));
      case Float2Vector v -> v.getValueAsFloat(index);
      case VarCharVector v -> new String(v.get(index), StandardCharsets.UTF_8);
      case LargeVarCharVector v -> new String(v.get(index), StandardCharsets.UTF_8);
      case ViewVarCharVector v -> new String(v.get(index), StandardCharsets.UTF_8);
      case VarBinaryVector v -> base64(v.get(index));
      case LargeVarBinaryVector v -> base64(v.get(index));
      case ViewVarBinaryVector v -> base64(v.get(index));
      case FixedSizeBinaryVector v -> base64(v.get(index));
      case DateDayVector v -> LocalDate.ofEpochDay(v.get(index)).toString();
      case DateMilliVector v -> dateOfMs(v.get(index));
      case TimeSecVector v -> timeOfDay(v.get(index), 1_000_000_000);
      case TimeMilliVector v -> timeOfDay(v.get(index), 1_000_000);
      case TimeMicroVector v -> timeOfDay(v.get(index), 1_000);
      case TimeNanoVector v -> timeOfDay(v.get(index), 1);
      case TimeStampVector v ->
          timestamp((ArrowType.Timestamp) v.getField().getType(), v.get(index));
      case BaseListVector v ->
          list(v, v.getElementStartIndex(index), v.getElementEndIndex(index), dictionaries);
      case LargeListVector v ->
          list(v, v.getElementStartIndex(index), v.getElementEndIndex(index), dictionaries);
      case LargeListViewVector v -> {
        long start = v.getOffsetBuffer().getLong((long) index * Long.BYTES);
        long length = v.getSizeBuffer().getLong((long) index * Long.BYTES);
        yield list(v, start, start + length, dictionaries);
      }
      case NonNullableStructVector v -> struct(v, index, dictionaries);
      case UnionVector v -> of(v.getVector(index), index, dictionaries);
      case DenseUnionVector v ->
          of(v.getVectorByType(v.getTypeId(index)), v.getOffset(index), dictionaries);
      case RunEndEncodedVector v ->
          of(v.getValuesVector(), v.getPhysicalIndex(index), dictionaries);
      case ExtensionTypeVector<?> v -> of(v.getUnderlyingVector(), index, dictionaries);
      default -> {
        // Numbers stay numbers; durations and intervals print as ISO 8601.
        Object value = vector.getObject(index);
        yield value instanceof Number ? value : value.toString();
      }
    };
  }

  /** Returns a value as one piece of text; nested ones as JSON. */
  static String text(Object value) {
    return switch (value) {
      case null -> "null";
      case BigDecimal decimal -> decimal.toPlainString();
      case List<?> list -> json(list);
      case Map<?, ?> map -> json(map);
      default -> value.toString();
    };
  }

  private static String json(Object value) {
    try {
      return Json.MAPPER.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  private static String dateOfMs(long ms) {
    return Math.floorMod(ms, MS_PER_DAY) == 0
        ? LocalDate.ofEpochDay(Math.floorDiv(ms, MS_PER_DAY)).toString()
        : timestampText(ms, TimeUnit.MILLISECOND);
  }

  private static Object timeOfDay(long value, long nsPerUnit) {
    long valueNs = value * nsPerUnit;
    // A leap second, or damage, is shown as the number that it is.
    return valueNs >= 0 && valueNs < LocalTime.MAX.toNanoOfDay()
        ? LocalTime.ofNanoOfDay(valueNs).toString()
        : value;
  }

  private static String timestamp(ArrowType.Timestamp type, long value) {
    String text = timestampText(value, type.getUnit());
    return type.getTimezone() == null ? text : text + "Z";
  }

  private static String timestampText(long value, TimeUnit unit) {
    long perSecond =
        switch (unit) {
          case SECOND -> 1;
          case MILLISECOND -> 1_000;
          case MICROSECOND -> 1_000_000;
          case NANOSECOND -> 1_000_000_000;
        };
    long second = Math.floorDiv(value, perSecond);
    if (second < Instant.MIN.getEpochSecond() || second > Instant.MAX.getEpochSecond()) {
      return value + " " + unit;
    }
    int ns = (int) (Math.floorMod(value, perSecond) * (1_000_000_000 / perSecond));
    return LocalDateTime.ofEpochSecond(second, ns, ZoneOffset.UTC).toString();
  }

  private static List<Object> list(
      FieldVector vector, long start, long end, DictionaryProvider dictionaries) {
    FieldVector items = vector.getChildrenFromFields().get(0);
    List<Object> list = new ArrayList<>();
    for (long i = start; i < end; i++) {
      list.add(of(items, Math.toIntExact(i), dictionaries));
    }
    return list;
  }

  private static Map<String, Object> struct(
      NonNullableStructVector vector, int index, DictionaryProvider dictionaries) {
    Map<String, Object> fields = new LinkedHashMap<>();
    for (FieldVector child : vector.getChildrenFromFields()) {
      fields.put(child.getName(), of(child, index, dictionaries));
    }
    return fields;
  }
}
