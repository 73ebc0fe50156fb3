package io.qadataswap.shm.agrona;

import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import java.util.Optional;
import org.agrona.concurrent.UnsafeBuffer;

/** Makes channels on Agrona's buffers. */
public final class AgronaChannelProvider implements ChannelProvider {
  private static final String INTERNAL_PACKAGE = "jdk.internal.misc";

  /** Called by the service loader. */
  public AgronaChannelProvider() {}

  @Override
  public String name() {
    return "agrona";
  }

  @Override
  public int rank() {
    return 40;
  }

  @Override
  public int apiVersion() {
    return 1;
  }

  @Override
  public Optional<Unavailability> unavailableReason() {
    // Nothing here initializes a class of Agrona's: one that fails to would stay broken, for the
    // user's own code too.
    try {
      UnsafeBuffer.class.getMethod("getLongAcquire", int.class);
      Module agrona = UnsafeBuffer.class.getModule();
      return Object.class.getModule().isExported(INTERNAL_PACKAGE, agrona)
          ? Optional.empty()
          : Optional.of(
              new Unavailability(
                  Reason.FLAG_MISSING,
                  "Agrona needs a flag: start Java with --add-opens=java.base/"
                      + INTERNAL_PACKAGE
                      + "="
                      + (agrona.isNamed() ? agrona.getName() : "ALL-UNNAMED")));
    } catch (NoSuchMethodException e) {
      return missing("needs Agrona 2, found an older one; update org.agrona:agrona");
    } catch (LinkageError e) {
      return missing("needs Agrona 2, found none (" + e + "); add org.agrona:agrona");
    }
  }

  private static Optional<Unavailability> missing(String text) {
    return Optional.of(new Unavailability(Reason.NO_PROVIDER, text));
  }

  @Override
  public long maxLength() {
    return Integer.MAX_VALUE;
  }

  @Override
  public Channel map(SegmentFile file, long length, boolean writable) {
    return AgronaChannel.map(file, length, writable);
  }
}
