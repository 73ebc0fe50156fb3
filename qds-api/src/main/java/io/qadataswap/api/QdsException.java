package io.qadataswap.api;

import java.util.Locale;

/**
 * What went wrong outside the caller's own code: in the environment, in the segment, or at the
 * other end. The message names the channel, what was found, what is allowed, and what to do, and
 * ends with the anchor of its reason in the README.
 */
public final class QdsException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Why an operation failed. */
  public enum Reason {
    /** No plugin of a kind was found, or none can work here, each for another reason. */
    NO_PROVIDER,
    /** Several plugins of the same highest rank were found. */
    AMBIGUOUS_PROVIDER,
    /** The plugin needs a flag of the JVM, which the message spells out. */
    FLAG_MISSING,
    /** The plugin needs a newer JDK. */
    JDK_TOO_OLD,
    /** QDS does not work on this operating system, processor or C library. */
    PLATFORM_UNSUPPORTED,
    /** There is no channel of that name. */
    NO_SUCH_CHANNEL,
    /** There is a channel of that name already, and the options say that this is an error. */
    CHANNEL_EXISTS,
    /** The existing channel has another geometry or policy than the options ask for. */
    GEOMETRY_DIFFERS,
    /** The channel's messages are of another codec. */
    CODEC_DIFFERS,
    /** The segment, or an option, needs something that this side cannot do. */
    UNSUPPORTED,
    /** Another writer is alive on this channel. */
    SECOND_WRITER,
    /** All reader entries are in use. */
    READER_TABLE_FULL,
    /** Somebody is attached to the channel. */
    IN_USE,
    /** The message is larger than the channel takes. */
    MESSAGE_TOO_LARGE,
    /** What readers hold in open messages leaves no room. */
    NO_ROOM,
    /** A reader waits for a message while it holds others that leave no room for it. */
    READER_HOLDS_LOANS,
    /** The message at the asked start position is gone, or not there yet. */
    SEQUENCE_GONE,
    /** The writer died, and all its messages were read. */
    WRITER_DIED,
    /** Another writer has taken over while this one was believed dead. */
    REPLACED,
    /** This reader was believed dead, and its entry taken away. */
    EVICTED,
    /** The kernel lock of a participant is gone though its process runs. */
    LOCK_LOST,
    /** The channel was removed while this end was attached. */
    REMOVED,
    /** The thread was interrupted where {@link InterruptedException} cannot be thrown. */
    INTERRUPTED,
    /** The writer, reader, message or claim was closed. */
    CLOSED,
    /**
     * The segment holds what no correct writer stores, or its file was changed under the mapping.
     */
    CORRUPT,
    /** There is not enough room in the channel's directory, or memory for it. */
    DIRECTORY_FULL,
    /** The operating system does not allow it. */
    PERMISSION,
    /** Another failure of the operating system. */
    IO;

    /**
     * Returns where the README says more.
     *
     * @return such as {@code #second-writer}
     */
    public String anchor() {
      return "#" + name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** The kind of failure; part of the serialized form. */
  private final Reason reason;

  /**
   * Creates an exception.
   *
   * @param reason the kind of failure
   * @param message names the channel, what was found, what is allowed, and what to do
   */
  public QdsException(Reason reason, String message) {
    this(reason, message, null);
  }

  /**
   * Creates an exception with a cause.
   *
   * @param reason the kind of failure
   * @param message names the channel, what was found, what is allowed, and what to do
   * @param cause the failure below, or null
   */
  public QdsException(Reason reason, String message, Throwable cause) {
    super(message + " (see README" + reason.anchor() + ")", cause);
    this.reason = reason;
  }

  /**
   * Returns the kind of failure.
   *
   * @return the reason
   */
  public Reason reason() {
    return reason;
  }
}
