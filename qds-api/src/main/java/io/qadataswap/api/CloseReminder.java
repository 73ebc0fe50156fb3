package io.qadataswap.api;

import java.lang.ref.Cleaner;

/**
 * Says so when a writer or reader becomes garbage without having been closed: its lock and its
 * mapping then stay until the process ends. Costs something only at opening and closing.
 */
final class CloseReminder {
  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");
  private static final Cleaner CLEANER = Cleaner.create();

  private final State state;
  private final Cleaner.Cleanable cleanable;

  /**
   * Watches an end.
   *
   * @param end to watch
   * @param owner what it is, for the message
   */
  CloseReminder(Object end, String owner) {
    state = new State(owner, Debug.ON ? new Throwable("opened here") : null);
    cleanable = CLEANER.register(end, state);
  }

  /** The user has asked for the close: nothing is to be said any more. */
  void closed() {
    state.closed = true;
    cleanable.clean();
  }

  /** Must not refer to the end, which would never become garbage. */
  private static final class State implements Runnable {
    private final String owner;
    private final Throwable opening;
    private volatile boolean closed;

    State(String owner, Throwable opening) {
      this.owner = owner;
      this.opening = opening;
    }

    @Override
    public void run() {
      if (!closed) {
        LOGGER.log(
            System.Logger.Level.WARNING,
            owner
                + " became garbage without close(): the others take it for alive until this process"
                + " ends; open it in try-with-resources"
                + (opening == null ? "; -Dqds.debug=true shows where it was opened" : ""),
            opening);
      }
    }
  }
}
