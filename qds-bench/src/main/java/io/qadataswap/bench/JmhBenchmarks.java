package io.qadataswap.bench;

import java.util.List;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** Runs the JMH benchmarks with the profiler that counts what they allocate. */
final class JmhBenchmarks {
  private JmhBenchmarks() {}

  static void run(String regex, List<String> backends, boolean quick) throws RunnerException {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(JmhBenchmarks.class.getPackageName() + ".*" + regex)
            .param("backend", backends.toArray(String[]::new))
            .jvmArgs(Jvm.FLAGS.toArray(String[]::new))
            .addProfiler(GCProfiler.class)
            .forks(1)
            .warmupIterations(3)
            .measurementIterations(quick ? 2 : 5)
            .warmupTime(TimeValue.seconds(1))
            .measurementTime(TimeValue.seconds(1));
    new Runner(options.build()).run();
  }
}
