#include "holdfast/edge/io/spd_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>

namespace holdfast::io {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view journal_prefix(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "<7>";
    case LogLevel::info:
      return "<6>";
    case LogLevel::warning:
      return "<4>";
    case LogLevel::error:
      return "<3>";
  }
  return "";
}

/// A line break or control character in a message must not forge another event.
std::string one_line(std::string_view prefix, std::string_view message) {
  std::string line(prefix);
  line += message;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

class SpdLog final : public Log {
 public:
  SpdLog(spdlog::sink_ptr sink, LogLevel lowest, bool journal)
      : logger_("holdfast", std::move(sink)), journal_(journal) {
    logger_.set_level(level_of(lowest));
    logger_.flush_on(spdlog::level::trace);
    logger_.set_pattern(journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  }
  bool enabled(LogLevel level) const override { return logger_.should_log(level_of(level)); }
  void write(LogLevel level, std::string_view message) override {
    if (!enabled(level)) return;
    const std::string line = one_line(journal_ ? journal_prefix(level) : "", message);
    logger_.log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  spdlog::logger logger_;
  bool journal_;
};

}  // namespace

std::unique_ptr<Log> make_standard_log(LogLevel lowest) {
  const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  return std::make_unique<SpdLog>(std::make_shared<spdlog::sinks::stderr_sink_mt>(), lowest, journal);
}

std::unique_ptr<Log> make_file_log(const std::string& path, LogLevel lowest) {
  // spdlog tells failure to open by an exception; it ends here.
  try {
    return std::make_unique<SpdLog>(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path), lowest, false);
  } catch (const spdlog::spdlog_ex&) {
    return nullptr;
  }
}

}  // namespace holdfast::io
