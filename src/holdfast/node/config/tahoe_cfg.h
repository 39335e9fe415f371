// tahoe.cfg and holdfast.cfg: the keys that matter here (storage-server.md 8 and 11). Pure functions of text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/core/base/result.h"

namespace holdfast::config {

/// [storage] expire.*: which leases the garbage collector calls ended (storage-server.md 7). Off by default.
struct ExpireCfg {
  enum class Mode { age, cutoff_date };

  bool enabled = false;
  std::optional<Mode> mode;  // there when it is enabled
  std::optional<std::uint64_t> override_lease_seconds;
  std::optional<std::int64_t> cutoff_date;  // midnight UTC, in seconds since 1970; there in that mode
  bool immutable = true, mutable_slots = true;
};

struct TahoeCfg {
  std::string nickname;
  std::string tub_port;      // [node] tub.port, e.g. tcp:8098:interface=127.0.0.1
  std::string tub_location;  // [node] tub.location, e.g. tcp:host:port
  std::string web_port;      // [node] web.port, e.g. tcp:3456:interface=127.0.0.1
  bool storage_enabled = true;
  bool readonly = false;
  std::uint64_t reserved_space_bytes = 0;
  std::string storage_dir = "storage";
  ExpireCfg expire;
  unsigned shares_needed = 3, shares_happy = 7, shares_total = 10;
  std::vector<std::string> peers_preferred;
};

/// Duplicate keys: the last one counts. Unknown keys are ignored. Errors: malformed, naming the line and the key.
Result<TahoeCfg> parse_tahoe_cfg(std::string_view text);

/// [helper]: an upload helper's spool.
struct HelperCfg {
  std::optional<std::uint64_t> bytes_max, upload_bytes_max;  // of all uploads, of one
  std::uint64_t free_bytes_min = 1'073'741'824;
  unsigned uploads_max = 10'000;
  unsigned pushes_at_once = 4;
  std::uint64_t retention_seconds = 604'800, idle_seconds = 1'800;
};

/// [gateway]: the web gateway of this node. There is one when it has a port.
struct GatewayCfg {
  std::optional<std::uint16_t> port;
  std::string bind = "127.0.0.1";
  bool plain_http_beyond_loopback = false;  // without it `bind` must be an address of this machine alone
  std::vector<std::string> hosts;           // names that clients may call it by
  std::optional<std::uint64_t> cache_bytes;
  std::string public_url;            // as clients see it, behind a proxy; ends with a slash
  std::vector<std::string> origins;  // of pages of other sites that may use it
  std::optional<std::uint64_t> spool_bytes_max, upload_bytes_max;  // of all uploads, of one
  std::uint64_t free_bytes_min = 1'073'741'824;
  unsigned uploads_max = 1'000;              // that are not whole
  std::uint64_t retention_seconds = 86'400;  // of an upload to which nothing comes, and of a result
};

/// Our own keys, which a Tahoe node would refuse in tahoe.cfg.
struct HoldfastCfg {
  std::uint64_t partial_retention_seconds = 604'800;
  std::uint64_t partial_idle_seconds = 1'800;
  std::optional<std::uint64_t> partial_bytes_max;
  unsigned partial_per_share_max = 2;
  std::optional<std::uint16_t> admin_port;
  HelperCfg helper;
  GatewayCfg gateway;
};

/// Unknown keys are errors: a misspelt limit must not be silently no limit.
Result<HoldfastCfg> parse_holdfast_cfg(std::string_view text);

/// "100G", "1 GiB", "5000": digits, K M G T P E, optional i (powers of 1024), optional B; blanks allowed.
Result<std::uint64_t> parse_byte_count(std::string_view text);
/// "30 min", "7 days", "2mo", "90s".
Result<std::uint64_t> parse_duration_seconds(std::string_view text);
/// "60 days", "2mo", "1 year": as Tahoe has it. A number without a unit is refused: 31 seconds are soon over.
Result<std::uint64_t> parse_lease_seconds(std::string_view text);
/// "2026-01-31": its midnight UTC, in seconds since 1970.
Result<std::int64_t> parse_date(std::string_view text);

}  // namespace holdfast::config
