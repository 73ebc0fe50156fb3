package io.qadataswap.tck;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Tells who implements something where to look when he breaks a rule. The failure itself says it,
 * so that every report shows it.
 */
@Documented
@SuppressWarnings("exports") // FailureAdvice is for JUnit alone
@ExtendWith(FailureAdvice.class)
@Target({ElementType.METHOD, ElementType.TYPE})
@Retention(RetentionPolicy.RUNTIME)
public @interface IfThisFails {
  /**
   * Returns the advice.
   *
   * @return such as {@code look at the order of your stores in commit}
   */
  String value();
}
