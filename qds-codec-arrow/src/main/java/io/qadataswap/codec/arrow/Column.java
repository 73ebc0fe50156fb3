package io.qadataswap.codec.arrow;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.ExtensionTypeVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.UnionVector;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.Types;
import org.apache.arrow.vector.types.Types.MinorType;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;

/** How a field in memory format lies in a record batch: its buffers, and its children in order. */
final class Column {
  /** The physical layouts of Arrow's columnar format. */
  enum Kind {
    /** No buffer. */
    NULL,
    /** Validity, values. */
    FIXED,
    /** Validity, offsets, bytes. */
    VARIABLE,
    /** Validity, views, any number of data buffers. */
    VIEW,
    /** Validity, offsets; one child. */
    LIST,
    /** Validity, offsets, lengths; one child. */
    LIST_VIEW,
    /** Validity; one child. */
    FIXED_SIZE_LIST,
    /** Validity; children of its length. */
    STRUCT,
    /** Type ids; children of its length. */
    SPARSE_UNION,
    /** Type ids, offsets; children. */
    DENSE_UNION,
    /** No buffer; run ends and values. */
    RUN_END_ENCODED
  }

  private static final int OFFSET_LENGTH = Integer.BYTES;
  private static final int LARGE_OFFSET_LENGTH = Long.BYTES;

  private final Field field;
  private final String path;
  private final Kind kind;
  private final int width;
  private final MinorType minorType;
  private final List<Column> children;
  private final int nodeCount;

  private Column(
      Field field, String path, Kind kind, int width, MinorType minorType, List<Column> children) {
    this.field = field;
    this.path = path;
    this.kind = kind;
    this.width = width;
    this.minorType = minorType;
    this.children = children;
    int nodes = 1;
    for (Column child : children) {
      nodes += child.nodeCount;
    }
    this.nodeCount = nodes;
  }

  /**
   * Lays out a field.
   *
   * @param field in memory format: dictionary-encoded ones have the type of their indices
   * @param path of the field for messages, with the names of its parents
   * @param faults words the refusal of a type that Arrow Java has no vector for
   */
  static Column of(Field field, String path, Faults faults) {
    return of(field, path, 1, faults);
  }

  private static Column of(Field field, String path, int depth, Faults faults) {
    if (depth > SchemaCheck.DEPTH_LIMIT) {
      throw faults.unsupported(
          path,
          "a field nested deeper than " + SchemaCheck.DEPTH_LIMIT + " levels",
          "flatten the data");
    }
    ArrowType type = storageType(field.getType());
    List<Field> fields = field.getChildren();
    List<Column> children = new ArrayList<>(fields.size());
    for (Field child : fields) {
      children.add(of(child, path + "." + child.getName(), depth + 1, faults));
    }
    Kind kind;
    int width = 0;
    int allowedChildren = 0;
    switch (type.getTypeID()) {
      case Null -> kind = Kind.NULL;
      case Utf8, Binary -> {
        kind = Kind.VARIABLE;
        width = OFFSET_LENGTH;
      }
      case LargeUtf8, LargeBinary -> {
        kind = Kind.VARIABLE;
        width = LARGE_OFFSET_LENGTH;
      }
      case Utf8View, BinaryView -> kind = Kind.VIEW;
      case List, Map -> {
        kind = Kind.LIST;
        width = OFFSET_LENGTH;
        allowedChildren = 1;
      }
      case LargeList -> {
        kind = Kind.LIST;
        width = LARGE_OFFSET_LENGTH;
        allowedChildren = 1;
      }
      case ListView -> {
        kind = Kind.LIST_VIEW;
        width = OFFSET_LENGTH;
        allowedChildren = 1;
      }
      case LargeListView -> {
        kind = Kind.LIST_VIEW;
        width = LARGE_OFFSET_LENGTH;
        allowedChildren = 1;
      }
      case FixedSizeList -> {
        kind = Kind.FIXED_SIZE_LIST;
        width = ((ArrowType.FixedSizeList) type).getListSize();
        allowedChildren = 1;
      }
      case Struct -> {
        kind = Kind.STRUCT;
        allowedChildren = children.size();
      }
      case Union -> {
        kind =
            ((ArrowType.Union) type).getMode() == UnionMode.Dense
                ? Kind.DENSE_UNION
                : Kind.SPARSE_UNION;
        allowedChildren = children.size();
      }
      case RunEndEncoded -> {
        kind = Kind.RUN_END_ENCODED;
        allowedChildren = 2;
      }
      default -> {
        kind = Kind.FIXED;
        width = bitWidth(type);
        if (width <= 0) {
          throw faults.unsupported(path, "type " + type, "let the writer use another type");
        }
      }
    }
    if (children.size() != allowedChildren) {
      throw faults.corrupt(
          path, "childCount=" + children.size() + " of type " + type, "" + allowedChildren);
    }
    if (type.getTypeID() == ArrowType.ArrowTypeID.Map && fields.get(0).getChildren().size() != 2) {
      throw faults.corrupt(
          path, "childCount=" + fields.get(0).getChildren().size() + " of a map's entries", "2");
    }
    if (type instanceof ArrowType.Union union) {
      requireTypeIds(union, path, children.size(), faults);
    }
    return new Column(
        field, path, kind, width, Types.getMinorTypeForArrowType(type), List.copyOf(children));
  }

  private static void requireTypeIds(
      ArrowType.Union type, String path, int childCount, Faults faults) {
    int[] typeIds = type.getTypeIds();
    if (typeIds == null) {
      return;
    }
    if (typeIds.length != childCount) {
      throw faults.corrupt(path, "typeIdCount=" + typeIds.length, childCount + ", one a child");
    }
    for (int typeId : typeIds) {
      if (typeId < 0 || typeId > Byte.MAX_VALUE) {
        throw faults.corrupt(path, "type id=" + typeId, "0 to " + Byte.MAX_VALUE);
      }
    }
  }

  private static ArrowType storageType(ArrowType type) {
    ArrowType storage = type;
    while (storage instanceof ArrowType.ExtensionType) {
      storage = ((ArrowType.ExtensionType) storage).storageType();
    }
    return storage;
  }

  /** Returns the bits of a value of fixed width, or 0 if Arrow Java has no vector for the type. */
  private static int bitWidth(ArrowType type) {
    return switch (type.getTypeID()) {
      case Bool -> 1;
      case Int -> {
        int bits = ((ArrowType.Int) type).getBitWidth();
        yield bits == 8 || bits == 16 || bits == 32 || bits == 64 ? bits : 0;
      }
      case FloatingPoint ->
          switch (((ArrowType.FloatingPoint) type).getPrecision()) {
            case HALF -> 16;
            case SINGLE -> 32;
            case DOUBLE -> 64;
          };
      case Decimal -> {
        int bits = ((ArrowType.Decimal) type).getBitWidth();
        yield bits == 128 || bits == 256 ? bits : 0;
      }
      case FixedSizeBinary -> {
        int byteWidth = ((ArrowType.FixedSizeBinary) type).getByteWidth();
        boolean fits = byteWidth > 0 && byteWidth <= Integer.MAX_VALUE / Byte.SIZE;
        yield fits ? byteWidth * Byte.SIZE : 0;
      }
      case Date -> ((ArrowType.Date) type).getUnit() == DateUnit.DAY ? 32 : 64;
      case Time -> {
        ArrowType.Time time = (ArrowType.Time) type;
        boolean coarse =
            time.getUnit() == TimeUnit.SECOND || time.getUnit() == TimeUnit.MILLISECOND;
        yield time.getBitWidth() == (coarse ? 32 : 64) ? time.getBitWidth() : 0;
      }
      case Timestamp, Duration -> 64;
      case Interval ->
          switch (((ArrowType.Interval) type).getUnit()) {
            case YEAR_MONTH -> 32;
            case DAY_TIME -> 64;
            case MONTH_DAY_NANO -> 128;
          };
      default -> 0;
    };
  }

  /** Returns the type id of a union's child. */
  int typeId(int childIndex) {
    int[] typeIds = ((ArrowType.Union) storageType()).getTypeIds();
    return typeIds == null ? childIndex : typeIds[childIndex];
  }

  /** Returns the field in memory format. */
  Field field() {
    return field;
  }

  /** Returns the name with the names of the parents. */
  String path() {
    return path;
  }

  Kind kind() {
    return kind;
  }

  /** Returns the type, without extension. */
  ArrowType storageType() {
    return storageType(field.getType());
  }

  /**
   * Returns the bits of a value (fixed width), the bytes of an offset (variable width, lists, list
   * views), or the values of each list (lists of fixed size).
   */
  int width() {
    return width;
  }

  List<Column> children() {
    return children;
  }

  /** Returns the number of field nodes of this column and all below. */
  int nodeCount() {
    return nodeCount;
  }

  /** Returns the number of buffers of this column and all below, but for data buffers of views. */
  int bufferCount() {
    int count =
        switch (kind) {
          case NULL, RUN_END_ENCODED -> 0;
          case FIXED_SIZE_LIST, STRUCT, SPARSE_UNION -> 1;
          case FIXED, VIEW, LIST, DENSE_UNION -> 2;
          case VARIABLE, LIST_VIEW -> 3;
        };
    for (Column child : children) {
      count += child.bufferCount();
    }
    return count;
  }

  /** Returns the number of columns of views among this column and all below. */
  int viewCount() {
    int count = kind == Kind.VIEW ? 1 : 0;
    for (Column child : children) {
      count += child.viewCount();
    }
    return count;
  }

  /** Returns the encoding if the values are indices into a dictionary, else null. */
  DictionaryEncoding dictionary() {
    return field.getDictionary();
  }

  /** Returns whether the values are text, which must be well-formed. */
  boolean isText() {
    return minorType == MinorType.VARCHAR
        || minorType == MinorType.LARGEVARCHAR
        || minorType == MinorType.VIEWVARCHAR;
  }

  /** Returns the bytes of a fixed-width column. */
  long valuesLength(long length) {
    return (length * width + Byte.SIZE - 1) / Byte.SIZE;
  }

  /** Returns the vector that holds the buffers. */
  static FieldVector storage(FieldVector vector) {
    FieldVector storage = vector;
    while (storage instanceof ExtensionTypeVector) {
      storage = ((ExtensionTypeVector<?>) storage).getUnderlyingVector();
    }
    return storage;
  }

  /** Returns whether a vector holds the values of this column. */
  boolean isOf(BaseFixedWidthVector vector) {
    return kind == Kind.FIXED
        && vector.getMinorType() == minorType
        && (width == 1 || vector.getTypeWidth() * Byte.SIZE == width);
  }

  /** Returns whether a vector holds the values of this column. */
  boolean isOf(BaseVariableWidthVector vector) {
    return kind == Kind.VARIABLE && vector.getMinorType() == minorType;
  }

  /** Says how a vector differs from this column, without looking at its children's; null if not. */
  String mismatch(FieldVector storage) {
    if (storage.getMinorType() != minorType) {
      return "a vector of type " + storage.getMinorType() + " where " + minorType + " is declared";
    }
    int childCount = storage.getChildrenFromFields().size();
    if (childCount != children.size()) {
      return childCount + " child vectors where " + children.size() + " are declared";
    }
    if (storage instanceof BaseFixedWidthVector baseFixedWidthVector && width != 1) {
      int bits = baseFixedWidthVector.getTypeWidth() * Byte.SIZE;
      return bits == width ? null : "values of " + bits + " bits where " + width + " are declared";
    }
    return null;
  }

  /** Says how a tree of vectors differs from this column, or returns null. */
  String deepMismatch(FieldVector vector) {
    FieldVector storage = storage(vector);
    String mismatch = mismatch(storage);
    for (int i = 0; mismatch == null && i < children.size(); i++) {
      FieldVector child = storage.getChildrenFromFields().get(i);
      mismatch = children.get(i).deepMismatch(child);
      // It looks for children by kind or name, which cannot tell some of them from each other.
      if (mismatch == null
          && storage instanceof UnionVector union
          && !Objects.equals(union.getVectorByType(typeId(i)), child)) {
        mismatch = "a sparse union that does not find its child " + children.get(i).path();
      }
    }
    return mismatch;
  }
}
