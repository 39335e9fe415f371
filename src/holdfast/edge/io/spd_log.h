// The Log port over spdlog; and a log that drops everything.
#pragma once

#include <memory>

#include "holdfast/edge/io/log.h"

namespace holdfast::io {

/// One line an event on standard error; any thread. Under systemd (JOURNAL_STREAM is set) lines carry the
/// priority prefix of sd-daemon(3) instead of a time, because the journal keeps its own.
std::unique_ptr<Log> make_standard_log(LogLevel lowest);

/// The same lines appended to a file, with times; null when it cannot be opened.
std::unique_ptr<Log> make_file_log(const std::string& path, LogLevel lowest);

class NullLog final : public Log {
 public:
  bool enabled(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view) override {}
};

}  // namespace holdfast::io
