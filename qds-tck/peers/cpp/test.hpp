// A test program: TEST registers, CHECK fails with its line, main runs all or those named, in a directory of their own.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
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
