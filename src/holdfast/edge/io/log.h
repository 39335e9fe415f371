// The log, for operators: one line an event. Never a cap, a secret, a token or a whole storage index.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace holdfast::io {

enum class LogLevel { debug, info, warning, error };

/// The port; handed down from main. Calls are cheap when the level is off.
class Log {
 public:
  virtual ~Log() = default;
  virtual bool enabled(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view message) = 0;

  void debug(std::string_view message) { write(LogLevel::debug, message); }
  void info(std::string_view message) { write(LogLevel::info, message); }
  void warning(std::string_view message) { write(LogLevel::warning, message); }
  void error(std::string_view message) { write(LogLevel::error, message); }
};

}  // namespace holdfast::io
