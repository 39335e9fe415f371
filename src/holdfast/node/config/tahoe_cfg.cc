#include "holdfast/node/config/tahoe_cfg.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <limits>
#include <map>

#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/node/config/ini_reader.h"

namespace holdfast::config {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

Result<bool> parse_bool(std::string_view text) {
  const std::string value = lower(text);
  if (value == "true" || value == "yes" || value == "on" || value == "1") return true;
  if (value == "false" || value == "no" || value == "off" || value == "0") return false;
  return fail(Errc::malformed, "true or false is needed, not \"" + std::string(text) + "\"");
}

Result<unsigned> parse_small(std::string_view text, unsigned max) {
  const auto value = protocol::parse_decimal(text);
  if (!value || *value > max)
    return fail(Errc::malformed,
                "a number up to " + std::to_string(max) + " is needed, not \"" + std::string(text) + "\"");
  return static_cast<unsigned>(*value);
}

using Setter = std::function<Result<void>(const std::string&)>;
using Table = std::map<std::string, Setter, std::less<>>;

template <class T, class Parse>
Setter set(T& out, Parse parse) {
  return [&out, parse](const std::string& value) -> Result<void> {
    HF_TRY(out, parse(value));
    return {};
  };
}

/// For what is nothing unless the key is there.
template <class T, class Parse>
Setter set_optional(std::optional<T>& out, Parse parse) {
  return [&out, parse](const std::string& value) -> Result<void> {
    HF_TRY(out, parse(value));
    return {};
  };
}

Setter set_text(std::string& out) {
  return [&out](const std::string& value) -> Result<void> {
    out = value;
    return {};
  };
}

/// Digits, then the rest without blanks around it.
std::pair<std::optional<std::uint64_t>, std::string> split_number(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  std::string_view unit = text.substr(digits);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  while (!unit.empty() && unit.back() == ' ') unit.remove_suffix(1);
  return {protocol::parse_decimal(text.substr(0, digits)), lower(unit)};
}

Result<std::uint64_t> times(std::uint64_t value, std::uint64_t factor) {
  if (value > std::numeric_limits<std::uint64_t>::max() / factor) return fail(Errc::malformed, "a number too large");
  return value * factor;
}

/// "%%" is one %, as in Tahoe's reader. Its "%(key)s" stands for another value; taken literally it would mislead.
Result<std::string> without_escapes(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '%' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == '(') return fail(Errc::malformed, "%(...)s is not supported; write the value itself, or %%( for %(");
    if (next == '%') ++i;
    out += text[i];
  }
  return out;
}

Result<void> read_into(const Table& table, std::string_view text, std::string_view name, bool strict) {
  const auto ini = read_ini(text);
  if (!ini) return fail_in(name, ini.error());
  for (const auto& [key, value] : *ini) {
    const std::string known = "[" + key.section + "] " + key.name;
    const std::string where = std::string(name) + ": line " + std::to_string(value.line) + ": " + known;
    const auto it = table.find(known);
    if (it == table.end()) {
      if (strict) return fail(Errc::malformed, where + " is not known");
      continue;
    }
    const auto plain = without_escapes(value.text);
    const auto done = plain ? it->second(*plain) : tl::make_unexpected(plain.error());
    if (!done) return fail_in(where, done.error());
  }
  return {};
}

/// Server ids behind commas or on lines of their own.
Result<std::vector<std::string>> parse_ids(std::string_view text) {
  std::vector<std::string> ids;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",\n"), text.size());
    const std::string_view id = trim(text.substr(0, end));
    if (!id.empty()) ids.emplace_back(id);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return ids;
}

Result<std::vector<std::string>> parse_names(std::string_view text) {
  return parse_ids(lower(text));
}

/// Ends with a slash, whether it was written with one or not.
Result<std::string> parse_public_url(std::string_view text) {
  std::string url(text);
  const bool known = url.starts_with("https://") || url.starts_with("http://");
  if (!known || url.find_first_of(" ?#") != std::string::npos)
    return fail(Errc::malformed, "a URL such as https://files.example.org/ is needed");
  if (!url.ends_with('/')) url += '/';
  return url;
}

}  // namespace

Result<std::uint64_t> parse_byte_count(std::string_view text) {
  auto [number, unit] = split_number(text);
  if (!number)
    return fail(Errc::malformed,
                "a number of bytes such as 10G or 512MiB is needed, not \"" + std::string(text) + "\"");
  if (unit.ends_with('b')) unit.pop_back();
  std::uint64_t base = 1000;
  if (unit.ends_with('i')) {
    base = 1024;
    unit.pop_back();
    if (unit.empty()) return fail(Errc::malformed, "a unit such as KiB is needed");
  }
  if (unit.empty()) return *number;
  const std::size_t power = std::string_view("kmgtpe").find(unit[0]);
  if (unit.size() != 1 || power == std::string_view::npos)
    return fail(Errc::malformed, "an unknown unit in \"" + std::string(text) + "\"");
  std::uint64_t factor = 1;
  for (std::size_t i = 0; i <= power; ++i) factor *= base;
  return times(*number, factor);
}

Result<std::uint64_t> parse_duration_seconds(std::string_view text) {
  const auto [number, unit] = split_number(text);
  if (!number)
    return fail(Errc::malformed, "a duration such as 30min or 7days is needed, not \"" + std::string(text) + "\"");
  static const std::map<std::string, std::uint64_t, std::less<>> kUnits = {{"", 1},
                                                                           {"s", 1},
                                                                           {"sec", 1},
                                                                           {"second", 1},
                                                                           {"seconds", 1},
                                                                           {"m", 60},
                                                                           {"min", 60},
                                                                           {"minute", 60},
                                                                           {"minutes", 60},
                                                                           {"h", 3600},
                                                                           {"hour", 3600},
                                                                           {"hours", 3600},
                                                                           {"d", 86'400},
                                                                           {"day", 86'400},
                                                                           {"days", 86'400},
                                                                           {"mo", 2'678'400},
                                                                           {"month", 2'678'400},
                                                                           {"months", 2'678'400},
                                                                           {"year", 31'536'000},
                                                                           {"years", 31'536'000}};
  const auto it = kUnits.find(unit);
  if (it == kUnits.end()) return fail(Errc::malformed, "an unknown unit in \"" + std::string(text) + "\"");
  return times(*number, it->second);
}

Result<std::uint64_t> parse_lease_seconds(std::string_view text) {
  static constexpr std::array kUnits = {"s",  "second", "seconds", "day",  "days",
                                        "mo", "month",  "months",  "year", "years"};
  const std::string unit = split_number(text).second;
  if (std::ranges::find(kUnits, unit) == kUnits.end()) {
    return fail(Errc::malformed,
                "a duration in days, months or years is needed, such as 60 days, not \"" + std::string(text) + "\"");
  }
  return parse_duration_seconds(text);
}

namespace {

/// "7" would be 7 seconds where days were meant, and what is kept would be gone; 0 is the same in every unit.
Result<std::uint64_t> parse_kept_seconds(std::string_view text) {
  const auto [number, unit] = split_number(text);
  if (number && *number != 0 && unit.empty())
    return fail(Errc::malformed, "a unit is needed, such as in 7 days, not \"" + std::string(text) + "\"");
  return parse_duration_seconds(text);
}

}  // namespace

Result<std::int64_t> parse_date(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t length) {
    return protocol::parse_decimal(text.substr(at, length));
  };
  const bool shaped = text.size() == 10 && text[4] == '-' && text[7] == '-';
  const auto year = shaped ? number(0, 4) : std::nullopt, month = shaped ? number(5, 2) : std::nullopt,
             day = shaped ? number(8, 2) : std::nullopt;
  if (year && month && day) {
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day)));
    if (date.ok()) return std::chrono::seconds(std::chrono::sys_days(date).time_since_epoch()).count();
  }
  return fail(Errc::malformed, "a date such as 2026-01-31 is needed, not \"" + std::string(text) + "\"");
}

Result<TahoeCfg> parse_tahoe_cfg(std::string_view text) {
  TahoeCfg out;
  const auto mode = [](const std::string& value) -> Result<ExpireCfg::Mode> {
    if (value == "age") return ExpireCfg::Mode::age;
    if (value == "cutoff-date") return ExpireCfg::Mode::cutoff_date;
    return fail(Errc::malformed, "age or cutoff-date is needed, not \"" + value + "\"");
  };
  const auto count = [](const std::string& value) { return parse_small(value, 256); };
  const Table table = {{"[node] nickname", set_text(out.nickname)},
                       {"[node] tub.port", set_text(out.tub_port)},
                       {"[node] tub.location", set_text(out.tub_location)},
                       {"[node] web.port", set_text(out.web_port)},
                       {"[storage] enabled", set(out.storage_enabled, parse_bool)},
                       {"[storage] readonly", set(out.readonly, parse_bool)},
                       {"[storage] reserved_space", set(out.reserved_space_bytes, parse_byte_count)},
                       {"[storage] storage_dir", set_text(out.storage_dir)},
                       {"[storage] expire.enabled", set(out.expire.enabled, parse_bool)},
                       {"[storage] expire.mode", set_optional(out.expire.mode, mode)},
                       {"[storage] expire.override_lease_duration",
                        set_optional(out.expire.override_lease_seconds, parse_lease_seconds)},
                       {"[storage] expire.cutoff_date", set_optional(out.expire.cutoff_date, parse_date)},
                       {"[storage] expire.immutable", set(out.expire.immutable, parse_bool)},
                       {"[storage] expire.mutable", set(out.expire.mutable_slots, parse_bool)},
                       {"[client] shares.needed", set(out.shares_needed, count)},
                       {"[client] shares.happy", set(out.shares_happy, count)},
                       {"[client] shares.total", set(out.shares_total, count)},
                       {"[client] peers.preferred", set(out.peers_preferred, parse_ids)}};
  HF_TRY_VOID(read_into(table, text, "tahoe.cfg", false));
  if (out.expire.enabled && !out.expire.mode)
    return fail(Errc::malformed, "tahoe.cfg: [storage] expire.enabled needs an expire.mode");
  if (out.expire.enabled && *out.expire.mode == ExpireCfg::Mode::cutoff_date && !out.expire.cutoff_date) {
    return fail(Errc::malformed, "tahoe.cfg: [storage] expire.mode = cutoff-date needs an expire.cutoff_date");
  }
  if (out.shares_needed < 1 || out.shares_needed > out.shares_total || out.shares_happy < 1 ||
      out.shares_happy > out.shares_total) {
    return fail(Errc::malformed,
                "tahoe.cfg: [client] shares must satisfy 1 <= needed <= total <= 256 and 1 <= happy <= total");
  }
  return out;
}

Result<HoldfastCfg> parse_holdfast_cfg(std::string_view text) {
  HoldfastCfg out;
  const auto bytes = [](const std::string& value) -> Result<std::optional<std::uint64_t>> {
    HF_TRY(const std::uint64_t count, parse_byte_count(value));
    return std::optional(count);
  };
  const auto small = [](const std::string& value) { return parse_small(value, 1000); };
  const auto uploads = [](const std::string& value) { return parse_small(value, 1'000'000); };
  const auto pushes = [](const std::string& value) -> Result<unsigned> {
    HF_TRY(const unsigned number, parse_small(value, 100));
    if (number == 0) return fail(Errc::malformed, "at least 1 is needed");
    return number;
  };
  const auto port = [](const std::string& value) -> Result<std::optional<std::uint16_t>> {
    HF_TRY(const unsigned number, parse_small(value, 65'535));
    return std::optional(static_cast<std::uint16_t>(number));
  };
  const Table table = {
      {"[storage] partial.retention", set(out.partial_retention_seconds, parse_kept_seconds)},
      {"[storage] partial.idle", set(out.partial_idle_seconds, parse_kept_seconds)},
      {"[storage] partial.max_bytes", set(out.partial_bytes_max, bytes)},
      {"[storage] partial.max_per_share", set(out.partial_per_share_max, small)},
      {"[storage] admin.port", set(out.admin_port, port)},
      {"[helper] max_bytes", set(out.helper.bytes_max, bytes)},
      {"[helper] max_upload_bytes", set(out.helper.upload_bytes_max, bytes)},
      {"[helper] min_free_bytes", set(out.helper.free_bytes_min, parse_byte_count)},
      {"[helper] max_uploads", set(out.helper.uploads_max, uploads)},
      {"[helper] pushes_at_once", set(out.helper.pushes_at_once, pushes)},
      {"[helper] retention", set(out.helper.retention_seconds, parse_kept_seconds)},
      {"[helper] idle", set(out.helper.idle_seconds, parse_kept_seconds)},
      {"[gateway] port", set(out.gateway.port, port)},
      {"[gateway] bind", set_text(out.gateway.bind)},
      {"[gateway] plain_http_beyond_loopback", set(out.gateway.plain_http_beyond_loopback, parse_bool)},
      {"[gateway] hosts", set(out.gateway.hosts, parse_names)},
      {"[gateway] cache", set(out.gateway.cache_bytes, bytes)},
      {"[gateway] tls", set(out.gateway.tls, parse_bool)},
      {"[gateway] tls_certificate", set_text(out.gateway.tls_certificate)},
      {"[gateway] tls_key", set_text(out.gateway.tls_key)},
      {"[gateway] access_token", set(out.gateway.access_token, parse_bool)},
      {"[gateway] public_url", set(out.gateway.public_url, parse_public_url)},
      {"[gateway] origins", set(out.gateway.origins, parse_names)},
      {"[gateway] max_bytes", set(out.gateway.spool_bytes_max, bytes)},
      {"[gateway] max_upload_bytes", set(out.gateway.upload_bytes_max, bytes)},
      {"[gateway] min_free_bytes", set(out.gateway.free_bytes_min, parse_byte_count)},
      {"[gateway] max_uploads", set(out.gateway.uploads_max, uploads)},
      {"[gateway] retention", set(out.gateway.retention_seconds, parse_kept_seconds)}};
  HF_TRY_VOID(read_into(table, text, "holdfast.cfg", true));
  if (out.partial_idle_seconds < 1'800)
    return fail(Errc::malformed, "holdfast.cfg: partial.idle must not be below 30 min, as in Tahoe-LAFS");
  return out;
}

}  // namespace holdfast::config
