package io.qadataswap.tck;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;

class Qads1OnFfmTckTest extends RingLayoutTck {
  @BeforeEach
  void requireNativeAccess() {
    Qads1Fixture.assumeNativeAccess();
  }

  @Override
  protected String layout() {
    return "qads1";
  }

  @Override
  protected String backend() {
    return "ffm";
  }

  @Override
  protected List<String> flags() {
    return List.of("--enable-native-access=ALL-UNNAMED");
  }

  @Override
  protected boolean broadcasts() {
    return false;
  }

  @Override
  protected boolean observes() {
    return false;
  }

  @Override
  protected boolean dropsOldest() {
    return false;
  }

  @Override
  protected boolean choosesStart() {
    return false;
  }

  @Override
  protected boolean carriesTags() {
    return false;
  }

  @Override
  protected boolean storesCodec() {
    return false;
  }
}
