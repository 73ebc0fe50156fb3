package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Qds;
import java.util.List;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.Test;

class MatrixTckTest extends MatrixTck {
  @Test
  void allThatIsHereIsInIt() {
    List<String> cells =
        combinations()
            .flatMap(pair ->
                ((DynamicContainer) pair)
                    .getChildren()
                    .map(codec -> pair.getDisplayName() + " " + codec.getDisplayName()))
            .toList();
    assertEquals(Qds.backends().size() * Qds.layouts().size() * Qds.codecs().size(), cells.size());
    for (String backend : List.of("ffm", "agrona")) {
      for (String codec : List.of("bytes", "arrow-ipc")) {
        assertTrue(cells.contains(backend + BETWEEN + "qds1 " + codec), cells::toString);
      }
    }
  }
}
