package io.qadataswap.tck;

import com.sun.jdi.Bootstrap;
import com.sun.jdi.IncompatibleThreadStateException;
import com.sun.jdi.Method;
import com.sun.jdi.PrimitiveValue;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.StackFrame;
import com.sun.jdi.ThreadReference;
import com.sun.jdi.VMDisconnectedException;
import com.sun.jdi.Value;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.AttachingConnector;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.connect.IllegalConnectorArgumentsException;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.request.ClassPrepareRequest;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;

/**
 * Stops another JVM at a point of the code that it runs, by the JDK's debugger interface: so the
 * code itself needs no hooks, and a process can be killed at exactly that point.
 */
final class Debugger {
  /** The flag of a JVM that is to be stopped. Its first line of output is {@link #attach}'s. */
  static final String FLAG =
      "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0";

  /** After this long it hangs; nothing is measured by it. */
  private static final long WATCHDOG_NS = TimeUnit.MINUTES.toNanos(2);

  private static final long EVENT_POLL_MS = 10;

  private final VirtualMachine vm;

  private Debugger(VirtualMachine vm) {
    this.vm = vm;
  }

  /**
   * The moment before a method runs, when another one has called it.
   *
   * @param type full name of the method's class
   * @param method name
   * @param caller simple class name and method, somewhere up the stack
   * @param argument what the first argument has to be; not asked if null
   * @param hit how many times this has to come
   */
  record Point(String type, String method, String caller, LongPredicate argument, int hit) {
    static Point before(String type, String method) {
      return new Point(type, method, "", null, 1);
    }

    Point in(String callingMethod) {
      return new Point(type, method, callingMethod, argument, hit);
    }

    Point with(LongPredicate firstArgument) {
      return new Point(type, method, caller, firstArgument, hit);
    }

    Point with(long firstArgument) {
      return with(value -> value == firstArgument);
    }

    Point hit(int count) {
      return new Point(type, method, caller, argument, count);
    }

    private boolean matches(ThreadReference thread) {
      try {
        return (argument == null || matches(thread.frame(0)))
            && thread.frames().stream().anyMatch(this::isCaller);
      } catch (IncompatibleThreadStateException e) {
        throw new AssertionError(e);
      }
    }

    private boolean matches(StackFrame frame) {
      Value first = frame.getArgumentValues().get(0);
      return first instanceof PrimitiveValue number && argument.test(number.longValue());
    }

    private boolean isCaller(StackFrame frame) {
      Method at = frame.location().method();
      String name = at.name();
      if (name.startsWith("lambda$")) {
        name = name.substring("lambda$".length(), name.lastIndexOf('$'));
      }
      String full = at.declaringType().name();
      return caller.isEmpty()
          || caller.equals(full.substring(full.lastIndexOf('.') + 1) + "." + name);
    }
  }

  /** Attaches to a child that was started with {@link #FLAG}. */
  static Debugger attach(Child child) throws IOException {
    String listening = child.answer();
    AttachingConnector connector =
        Bootstrap.virtualMachineManager().attachingConnectors().stream()
            .filter(c -> c.name().equals("com.sun.jdi.SocketAttach"))
            .findFirst()
            .orElseThrow();
    Map<String, Connector.Argument> arguments = connector.defaultArguments();
    arguments.get("hostname").setValue("127.0.0.1");
    arguments.get("port").setValue(listening.substring(listening.lastIndexOf(' ') + 1).trim());
    try {
      return new Debugger(connector.attach(arguments));
    } catch (IllegalConnectorArgumentsException e) {
      throw new AssertionError(listening, e);
    }
  }

  /** Gives the child a command and returns when it stands at a point; all its threads stand. */
  void runTo(Point point, Child child, String command) throws IOException, InterruptedException {
    arm(point);
    child.send(command);
    awaitStop(point, child);
  }

  /** Lets a child that stands go on to the next point. */
  void goOnTo(Point point, Child child) throws IOException, InterruptedException {
    arm(point);
    vm.resume();
    awaitStop(point, child);
  }

  /** Lets a child that stands go on for good. */
  void goOn() {
    vm.eventRequestManager().deleteAllBreakpoints();
    vm.resume();
  }

  private void arm(Point point) {
    vm.eventRequestManager().deleteAllBreakpoints();
    vm.eventRequestManager()
        .deleteEventRequests(List.copyOf(vm.eventRequestManager().classPrepareRequests()));
    ClassPrepareRequest prepared = vm.eventRequestManager().createClassPrepareRequest();
    prepared.addClassFilter(point.type());
    prepared.enable();
    vm.classesByName(point.type()).forEach(type -> stopAt(point, type));
  }

  private void stopAt(Point point, ReferenceType type) {
    for (Method method : type.methodsByName(point.method())) {
      if (!method.isAbstract() && !method.isNative()) {
        boolean isArmed =
            vm.eventRequestManager().breakpointRequests().stream()
                .anyMatch(request -> request.location().equals(method.location()));
        if (!isArmed) {
          vm.eventRequestManager().createBreakpointRequest(method.location()).enable();
        }
      }
    }
  }

  private void awaitStop(Point point, Child child) throws IOException, InterruptedException {
    int hits = 0;
    long startNs = System.nanoTime();
    try {
      while (true) {
        EventSet events = vm.eventQueue().remove(EVENT_POLL_MS);
        if (events == null) {
          if (child.hasAnswer()) {
            throw new AssertionError("never came to " + point + ": " + child.answer());
          }
          if (System.nanoTime() - startNs > WATCHDOG_NS) {
            throw new AssertionError("does not come to " + point + "; is there such a method?");
          }
          continue;
        }
        for (Event event : events) {
          if (event instanceof ClassPrepareEvent prepare) {
            stopAt(point, prepare.referenceType());
          }
          if (event instanceof BreakpointEvent stop
              && point.matches(stop.thread())
              && ++hits == point.hit()) {
            return;
          }
        }
        events.resume();
      }
    } catch (VMDisconnectedException e) {
      throw new AssertionError("ended on the way to " + point, e);
    }
  }
}
