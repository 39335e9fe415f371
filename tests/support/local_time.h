// The local time of a place, as long as this lives.
#pragma once

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

namespace holdfast::test {

/// `rule` as POSIX has it for TZ ("UTC0", "CET-1CEST,M3.5.0,M10.5.0/3"), so that nothing needs to be installed.
class LocalTime {
 public:
  explicit LocalTime(const char* rule) {
    if (const char* before = std::getenv("TZ")) before_ = before;
    set(rule);
  }
  LocalTime(const LocalTime&) = delete;
  LocalTime& operator=(const LocalTime&) = delete;
  ~LocalTime() { set(before_ ? before_->c_str() : nullptr); }

 private:
  static void set(const char* rule) {
    if (rule != nullptr) {
      ::setenv("TZ", rule, 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }
  std::optional<std::string> before_;
};

}  // namespace holdfast::test
