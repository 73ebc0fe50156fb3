package io.qadataswap.tck;

import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

class AgronaChannelTckTest extends ChannelTck {
  @Override
  protected String backend() {
    return "agrona";
  }

  @Override
  protected List<Class<?>> libraries() {
    return List.of(UnsafeBuffer.class);
  }

  @Override
  protected List<String> flags(boolean onModulePath) {
    return List.of(
        "--add-opens=java.base/jdk.internal.misc=" + (onModulePath ? "org.agrona" : "ALL-UNNAMED"));
  }
}
