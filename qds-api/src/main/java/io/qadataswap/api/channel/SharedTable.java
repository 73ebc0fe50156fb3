package io.qadataswap.api.channel;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/**
 * The table of this JVM's open segment files, shared by all copies of QDS in it, whichever class
 * loaders they came from.
 *
 * <p>The copies have no class in common but those of the JDK, and the JDK has no registry for
 * objects: the system properties take one, but then {@link java.util.Properties#store} and {@link
 * java.util.Properties#list} fail, which cast all values to strings. So the table hangs on a thread
 * that is found by its name. It is parked for good, and the table is what {@link
 * LockSupport#getBlocker} returns for it. The thread ends when the table is empty, and then keeps
 * no class loader alive.
 *
 * <p>Whoever calls holds {@link #MONITOR} for as long as he uses the table.
 */
final class SharedTable {
  private static final String NAME = "qds-segments";

  /** A string constant, hence the same object for all copies. */
  static final Object MONITOR = "io.qadataswap.api.channel.SharedTable";

  private SharedTable() {}

  /** Returns the table, by what identifies a file; begins one if there is none. */
  @SuppressWarnings("unchecked") // only this class parks a thread of that name
  static Map<String, Object[]> get() {
    Thread keeper = find();
    if (keeper == null) {
      Map<String, Object[]> table = new HashMap<>();
      keeper = new Thread(root(), () -> keep(table), NAME, 0, false);
      keeper.setDaemon(true);
      keeper.setContextClassLoader(null);
      keeper.start();
    }
    while (true) {
      Object table = LockSupport.getBlocker(keeper);
      if (table != null) {
        return (Map<String, Object[]>) table;
      }
      Thread.onSpinWait(); // it has just been started
    }
  }

  /** Lets go of the table if it is empty. */
  static void endIfEmpty(Map<String, Object[]> table) {
    if (table.isEmpty()) {
      LockSupport.unpark(find());
    }
  }

  private static void keep(Map<String, Object[]> table) {
    // Set once, and not by each park: the table is to be found at any moment.
    LockSupport.setCurrentBlocker(table);
    while (true) {
      LockSupport.park();
      Thread.interrupted();
      synchronized (MONITOR) {
        if (table.isEmpty()) {
          Thread.currentThread().setName(NAME + "-ended"); // not found any more
          return;
        }
      }
    }
  }

  private static Thread find() {
    ThreadGroup root = root();
    Thread[] threads;
    int count;
    do {
      threads = new Thread[2 * root.activeCount() + 16];
      count = root.enumerate(threads);
    } while (count == threads.length);
    for (int i = 0; i < count; i++) {
      if (threads[i].getName().equals(NAME)) {
        return threads[i];
      }
    }
    return null;
  }

  private static ThreadGroup root() {
    ThreadGroup group = Thread.currentThread().getThreadGroup();
    while (group.getParent() != null) {
      group = group.getParent();
    }
    return group;
  }
}
