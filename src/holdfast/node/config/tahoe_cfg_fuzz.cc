// A configuration that is understood, written down again, is understood the same; numbers with units mean
// what their plain numbers mean.
#include "holdfast/node/config/tahoe_cfg.h"

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/check.h"
#include "holdfast/node/config/ini_reader.h"

namespace {

using namespace holdfast;
using namespace holdfast::config;

/// A value on several lines goes on behind a blank; a % stands for itself when it is doubled.
std::string escaped(const std::string& value) {
  std::string out;
  for (char c : value) out += c == '\n' ? std::string("\n ") : c == '%' ? std::string("%%") : std::string(1, c);
  return out;
}

std::string written(const TahoeCfg& cfg) {
  std::string peers;
  for (const std::string& id : cfg.peers_preferred) peers += escaped(id) + ",";
  return "[node]\nnickname=" + escaped(cfg.nickname) + "\ntub.port=" + escaped(cfg.tub_port) +
         "\ntub.location=" + escaped(cfg.tub_location) +
         "\n[storage]\nenabled=" + (cfg.storage_enabled ? "true" : "false") +
         "\nreadonly=" + (cfg.readonly ? "true" : "false") +
         "\nreserved_space=" + std::to_string(cfg.reserved_space_bytes) + "\nstorage_dir=" + escaped(cfg.storage_dir) +
         "\n[client]\nshares.needed=" + std::to_string(cfg.shares_needed) +
         "\nshares.happy=" + std::to_string(cfg.shares_happy) + "\nshares.total=" + std::to_string(cfg.shares_total) +
         "\npeers.preferred=" + peers + "\n";
}

bool same(const TahoeCfg& a, const TahoeCfg& b) {
  return a.nickname == b.nickname && a.tub_port == b.tub_port && a.tub_location == b.tub_location &&
         a.storage_enabled == b.storage_enabled && a.readonly == b.readonly &&
         a.reserved_space_bytes == b.reserved_space_bytes && a.storage_dir == b.storage_dir &&
         a.shares_needed == b.shares_needed && a.shares_happy == b.shares_happy && a.shares_total == b.shares_total &&
         a.peers_preferred == b.peers_preferred;
}

/// Written so, doubled signs may make a line longer than a line may be.
bool may_be_too_long(const std::string& text) {
  return text.size() > kIniLineBytesMax;
}

void check_tahoe_cfg(std::string_view text) {
  const auto cfg = parse_tahoe_cfg(text);
  if (!cfg) {
    HF_CHECK(cfg.error().code == Errc::malformed);
    return;
  }
  HF_CHECK(1 <= cfg->shares_needed && cfg->shares_needed <= cfg->shares_total && cfg->shares_total <= 256);
  HF_CHECK(1 <= cfg->shares_happy && cfg->shares_happy <= cfg->shares_total);
  const std::string text_again = written(*cfg);
  if (may_be_too_long(text_again)) return;
  const auto again = parse_tahoe_cfg(text_again);
  HF_CHECK(again && same(*cfg, *again));
}

void check_holdfast_cfg(std::string_view text) {
  const auto cfg = parse_holdfast_cfg(text);
  if (!cfg) return;
  HF_CHECK(cfg->partial_idle_seconds >= 1'800 && cfg->partial_per_share_max <= 1'000);
  std::string again_text = "[storage]\npartial.retention=" + std::to_string(cfg->partial_retention_seconds) +
                           "s\npartial.idle=" + std::to_string(cfg->partial_idle_seconds) +
                           "s\npartial.max_per_share=" + std::to_string(cfg->partial_per_share_max) + "\n";
  if (cfg->partial_bytes_max) again_text += "partial.max_bytes=" + std::to_string(*cfg->partial_bytes_max) + "\n";
  if (cfg->admin_port) again_text += "admin.port=" + std::to_string(*cfg->admin_port) + "\n";
  const auto again = parse_holdfast_cfg(again_text);
  HF_CHECK(again && again->partial_retention_seconds == cfg->partial_retention_seconds);
  HF_CHECK(again->partial_idle_seconds == cfg->partial_idle_seconds &&
           again->partial_bytes_max == cfg->partial_bytes_max);
  HF_CHECK(again->partial_per_share_max == cfg->partial_per_share_max && again->admin_port == cfg->admin_port);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of({data, size});
  check_tahoe_cfg(text);
  check_holdfast_cfg(text);
  if (const auto bytes = parse_byte_count(text)) HF_CHECK(parse_byte_count(std::to_string(*bytes)) == *bytes);
  if (const auto seconds = parse_duration_seconds(text))
    HF_CHECK(parse_duration_seconds(std::to_string(*seconds)) == *seconds);
  return 0;
}
