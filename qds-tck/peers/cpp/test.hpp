// A test program: TEST registers, CHECK fails with its line, main runs all or those named, in a directory of their own.
#pragma once

#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "qds.hpp"

struct TestCase {
  const char* name;
  void (*run)();
};
inline std::vector<TestCase>& AllTests() {
  static std::vector<TestCase> all;
  return all;
}

#define FAIL(what) throw std::runtime_error(std::string(__FILE__ ":") + std::to_string(__LINE__) + ": " + (what))
#define CHECK(condition)           \
  do {                             \
    if (!(condition)) FAIL(#condition); \
  } while (false)
#define TEST(name)                                                              \
  static void name();                                                           \
  static const bool registered_##name = (AllTests().push_back({#name, name}), true); \
  static void name()

/// A forked child that runs the body; killed and reaped with this object.
class Child {
 public:
  explicit Child(const std::function<void(int)>& body) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      close(ends[0]);
      try {
        body(ends[1]);
      } catch (const std::exception& e) {
        std::fprintf(stderr, "child: %s\n", e.what());
        _exit(1);
      }
      _exit(0);
    }
    close(ends[1]);
    pipe_ = ends[0];
  }
  ~Child() {
    if (pid_ > 0) Kill();
    close(pipe_);
  }
  void AwaitSignal() const {
    char byte;
    CHECK(read(pipe_, &byte, 1) == 1);
  }
  void Kill() {
    kill(pid_, SIGKILL);
    int status;
    waitpid(std::exchange(pid_, -1), &status, 0);
  }
  int Join() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  int pipe_ = -1;
};
inline void Tell(int pipe) { CHECK(write(pipe, "x", 1) == 1); }
[[noreturn]] inline void SleepUntilKilled() {
  for (;;) pause();
}

template <typename Body>
qds::Reason ReasonOf(const Body& body) {
  try {
    body();
  } catch (const qds::Error& e) {
    std::printf("    %s\n", e.what());
    return e.reason();
  }
  FAIL("no error");
}

int main(int argc, char** argv) {
  char directory[] = "/tmp/qds-test-XXXXXX";
  if (mkdtemp(directory) == nullptr || setenv("QDS_DIR", directory, 1) != 0) return 2;
  int failures = 0;
  for (const TestCase& test : AllTests()) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) wanted = wanted || std::string(argv[i]) == test.name;
    if (!wanted) continue;
    std::printf("%s\n", test.name);
    std::fflush(stdout);
    try {
      test.run();
    } catch (const std::exception& e) {
      std::printf("  FAILED: %s\n", e.what());
      ++failures;
    }
    std::fflush(stdout);
  }
  std::filesystem::remove_all(directory);
  std::printf(failures == 0 ? "all passed\n" : "%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
