package io.qadataswap.tck;

import java.lang.reflect.Method;
import java.util.Optional;
import org.junit.jupiter.api.extension.DynamicTestInvocationContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.opentest4j.TestAbortedException;

/** Ends the text of every failure with what {@link IfThisFails} says of its rule. */
final class FailureAdvice implements InvocationInterceptor {
  @Override
  public void interceptTestMethod(
      Invocation<Void> rule,
      ReflectiveInvocationContext<Method> invocation,
      ExtensionContext context)
      throws Throwable {
    run(rule, context);
  }

  @Override
  public void interceptTestTemplateMethod(
      Invocation<Void> rule,
      ReflectiveInvocationContext<Method> invocation,
      ExtensionContext context)
      throws Throwable {
    run(rule, context);
  }

  @Override
  public void interceptDynamicTest(
      Invocation<Void> rule, DynamicTestInvocationContext invocation, ExtensionContext context)
      throws Throwable {
    run(rule, context);
  }

  private static void run(Invocation<Void> rule, ExtensionContext context) throws Throwable {
    try {
      rule.proceed();
    } catch (TestAbortedException skipped) {
      throw skipped;
    } catch (AssertionError broken) {
      throw advised(broken.getMessage(), broken, context);
    } catch (Exception | LinkageError | InternalError broken) {
      StackTraceElement[] trace = broken.getStackTrace();
      throw advised(broken + (trace.length == 0 ? "" : "\n  at " + trace[0]), broken, context);
    }
  }

  private static AssertionError advised(String text, Throwable broken, ExtensionContext context) {
    String advice = advice(context).map(found -> "\nIf this fails, " + found.value()).orElse("");
    AssertionError failure = new AssertionError(text + advice, broken);
    failure.setStackTrace(broken.getStackTrace());
    return failure;
  }

  /** Dynamic tests have no method of their own: it is that of the factory above them. */
  private static Optional<IfThisFails> advice(ExtensionContext context) {
    Optional<ExtensionContext> at = Optional.of(context);
    while (at.isPresent()) {
      Optional<IfThisFails> found =
          at.get()
              .getElement()
              .flatMap(element -> Optional.ofNullable(element.getAnnotation(IfThisFails.class)));
      if (found.isPresent()) {
        return found;
      }
      at = at.get().getParent();
    }
    return Optional.empty();
  }
}
