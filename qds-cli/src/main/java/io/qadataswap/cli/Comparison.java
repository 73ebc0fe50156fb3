package io.qadataswap.cli;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.compare.Range;
import org.apache.arrow.vector.compare.RangeEqualsVisitor;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * Compares two sequences of record batches: schemas with all metadata, batch boundaries,
 * dictionaries, every value and every null. Floating point numbers are the same if their bits are.
 */
final class Comparison {
  private final Batches left;
  private final Batches right;
  private final Consumer<String> report;
  private final Set<Integer> comparableColumns = new HashSet<>();
  private long differenceCount;
  private long rowCount;
  private long batchCount;

  private Comparison(Batches left, Batches right, Consumer<String> report) {
    this.left = left;
    this.right = right;
    this.report = report;
  }

  /**
   * The outcome.
   *
   * @param differenceCount differences found; a different value counts once for its row
   * @param rowCount rows of the left side
   * @param batchCount batches of the left side
   */
  record Result(long differenceCount, long rowCount, long batchCount) {
    boolean isEqual() {
      return differenceCount == 0;
    }
  }

  /** Compares everything, and tells each difference where it lies. */
  static Result run(Batches left, Batches right, Consumer<String> report) {
    Comparison comparison = new Comparison(left, right, report);
    comparison.compareSchemas();
    comparison.compareBatches();
    return new Result(comparison.differenceCount, comparison.rowCount, comparison.batchCount);
  }

  private void differ(String where, Object leftValue, Object rightValue) {
    differenceCount++;
    report.accept(where + ": " + leftValue + " | " + rightValue);
  }

  private void compareSchemas() {
    compareMetadata(
        "schema", left.schema().getCustomMetadata(), right.schema().getCustomMetadata());
    List<Field> leftFields = left.schema().getFields();
    List<Field> rightFields = right.schema().getFields();
    if (leftFields.size() != rightFields.size()) {
      differ("schema, columns", names(leftFields), names(rightFields));
    }
    for (int i = 0; i < Math.min(leftFields.size(), rightFields.size()); i++) {
      if (compareFields(
          "column " + leftFields.get(i).getName(), leftFields.get(i), rightFields.get(i))) {
        comparableColumns.add(i);
      }
    }
  }

  /** Returns whether the values can be compared. */
  private boolean compareFields(String where, Field leftField, Field rightField) {
    if (!Objects.equals(leftField.getName(), rightField.getName())) {
      differ(where + ", name", leftField.getName(), rightField.getName());
    }
    if (leftField.isNullable() != rightField.isNullable()) {
      differ(where + ", nullable", leftField.isNullable(), rightField.isNullable());
    }
    compareMetadata(where, leftField.getMetadata(), rightField.getMetadata());
    boolean comparable = true;
    if (!leftField.getType().equals(rightField.getType())) {
      differ(where + ", type", leftField.getType(), rightField.getType());
      comparable = false;
    }
    if (!Objects.equals(leftField.getDictionary(), rightField.getDictionary())) {
      differ(
          where + ", dictionary encoding", leftField.getDictionary(), rightField.getDictionary());
      comparable = false;
    }
    List<Field> leftChildren = leftField.getChildren();
    List<Field> rightChildren = rightField.getChildren();
    if (leftChildren.size() != rightChildren.size()) {
      differ(where + ", children", names(leftChildren), names(rightChildren));
      return false;
    }
    for (int i = 0; i < leftChildren.size(); i++) {
      comparable &=
          compareFields(
              where + "." + leftChildren.get(i).getName(),
              leftChildren.get(i),
              rightChildren.get(i));
    }
    return comparable;
  }

  private void compareMetadata(
      String where, Map<String, String> leftMetadata, Map<String, String> rightMetadata) {
    Set<String> keys = new TreeSet<>(leftMetadata.keySet());
    keys.addAll(rightMetadata.keySet());
    for (String key : keys) {
      String leftValue = leftMetadata.get(key);
      String rightValue = rightMetadata.get(key);
      if (!Objects.equals(leftValue, rightValue)) {
        differ(
            where + ", metadata " + key,
            leftValue == null ? "absent" : leftValue,
            rightValue == null ? "absent" : rightValue);
      }
    }
  }

  /** Goes through both sides row by row; where batches end need not be the same. */
  private void compareBatches() {
    List<Integer> leftSizes = new ArrayList<>();
    List<Integer> rightSizes = new ArrayList<>();
    boolean leftOpen = advance(left, leftSizes);
    boolean rightOpen = advance(right, rightSizes);
    int leftRow = 0;
    int rightRow = 0;
    while (leftOpen && rightOpen) {
      compareDictionaries(leftSizes.size() - 1);
      int leftRest = left.batch().getRowCount() - leftRow;
      int rightRest = right.batch().getRowCount() - rightRow;
      int length = Math.min(leftRest, rightRest);
      compareRows(leftRow, rightRow, length);
      rowCount += length;
      leftRow += length;
      rightRow += length;
      boolean leftEnds = leftRest == length;
      boolean rightEnds = rightRest == length;
      if (leftEnds) {
        leftOpen = advance(left, leftSizes);
        leftRow = 0;
      }
      if (rightEnds) {
        rightOpen = advance(right, rightSizes);
        rightRow = 0;
      }
    }
    long leftRowCount = countRows(left, leftOpen, leftSizes);
    long rightRowCount = countRows(right, rightOpen, rightSizes);
    if (leftRowCount != rightRowCount) {
      differ("rows", leftRowCount, rightRowCount);
    }
    compareBoundaries(leftSizes, rightSizes);
    rowCount = leftRowCount;
    batchCount = leftSizes.size();
  }

  private static boolean advance(Batches batches, List<Integer> sizes) {
    if (!batches.next()) {
      return false;
    }
    sizes.add(batches.batch().getRowCount());
    return true;
  }

  private static long countRows(Batches batches, boolean open, List<Integer> sizes) {
    boolean more = open;
    while (more) {
      more = advance(batches, sizes);
    }
    return sizes.stream().mapToLong(Integer::longValue).sum();
  }

  private void compareBoundaries(List<Integer> leftSizes, List<Integer> rightSizes) {
    if (leftSizes.size() != rightSizes.size()) {
      differ("batches", leftSizes.size(), rightSizes.size());
    }
    for (int i = 0; i < Math.min(leftSizes.size(), rightSizes.size()); i++) {
      if (!leftSizes.get(i).equals(rightSizes.get(i))) {
        differ("batch " + i + ", rows", leftSizes.get(i), rightSizes.get(i));
        return;
      }
    }
  }

  private void compareDictionaries(int batchIndex) {
    for (int column : comparableColumns) {
      compareDictionariesOf(left.schema().getFields().get(column), batchIndex);
    }
  }

  private void compareDictionariesOf(Field field, int batchIndex) {
    if (field.getDictionary() != null) {
      long id = field.getDictionary().getId();
      String where = "dictionary " + id + " of " + field.getName() + " at batch " + batchIndex;
      Dictionary leftDictionary = left.dictionaries().lookup(id);
      Dictionary rightDictionary = right.dictionaries().lookup(id);
      if (leftDictionary == null || rightDictionary == null) {
        if (leftDictionary != null || rightDictionary != null) {
          differ(
              where,
              leftDictionary == null ? "absent" : "there",
              rightDictionary == null ? "absent" : "there");
        }
        return;
      }
      FieldVector leftVector = leftDictionary.getVector();
      FieldVector rightVector = rightDictionary.getVector();
      if (!leftVector.getField().getType().equals(rightVector.getField().getType())) {
        differ(where + ", type", leftVector.getField().getType(), rightVector.getField().getType());
        return;
      }
      if (leftVector.getValueCount() != rightVector.getValueCount()) {
        differ(where + ", entries", leftVector.getValueCount(), rightVector.getValueCount());
      }
      int length = Math.min(leftVector.getValueCount(), rightVector.getValueCount());
      compareVectors(leftVector, 0, rightVector, 0, length, i -> where + ", entry " + i);
    }
    field.getChildren().forEach(child -> compareDictionariesOf(child, batchIndex));
  }

  private void compareRows(int leftRow, int rightRow, int length) {
    VectorSchemaRoot leftBatch = left.batch();
    VectorSchemaRoot rightBatch = right.batch();
    for (int column : comparableColumns) {
      FieldVector leftVector = leftBatch.getVector(column);
      compareVectors(
          leftVector,
          leftRow,
          rightBatch.getVector(column),
          rightRow,
          length,
          i -> "column " + leftVector.getName() + ", row " + (rowCount + i));
    }
  }

  /** Names a place by its distance from the first compared one. */
  private interface Place {
    String at(int index);
  }

  private void compareVectors(
      FieldVector leftVector,
      int leftStart,
      FieldVector rightVector,
      int rightStart,
      int length,
      Place place) {
    // The types were compared with the schemas.
    RangeEqualsVisitor visitor = new RangeEqualsVisitor(leftVector, rightVector, null);
    if (length == 0 || visitor.rangeEquals(new Range(leftStart, rightStart, length))) {
      return;
    }
    for (int i = 0; i < length; i++) {
      if (!visitor.rangeEquals(new Range(leftStart + i, rightStart + i, 1))) {
        Object leftValue = Values.of(leftVector, leftStart + i, left.dictionaries());
        Object rightValue = Values.of(rightVector, rightStart + i, right.dictionaries());
        differ(place.at(i), Values.text(leftValue), Values.text(rightValue));
      }
    }
  }

  private static List<String> names(List<Field> fields) {
    return fields.stream().map(Field::getName).toList();
  }
}
