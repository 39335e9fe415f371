#include "holdfast/node/transfer/grid_look.h"

#include <algorithm>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/immutable/share_layout.h"
#include "holdfast/core/immutable/uri_extension.h"
#include "holdfast/core/placement/happiness.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/transfer/server_survey.h"

namespace holdfast::transfer {
namespace {

/// Two small reads: the header, which says where the block is, and the block. Errors: corrupt, those of the server.
io::Task<Result<Bytes>> read_extension(grid::StorageServer& server, StorageIndex si, ShareNumber share) {
  HF_CO_TRY(const Bytes header, co_await server.read(si, share, Range{0, immutable::kHeaderBytesV2}));
  HF_CO_TRY(const immutable::ShareOffsets offsets, immutable::parse_header(header));
  const std::uint64_t begin = offsets.uri_extension;
  const std::uint64_t bytes_max = offsets.length_bytes() + immutable::kUriExtensionBytesMax;
  if (begin > UINT64_MAX / 2) co_return fail(Errc::corrupt, "an offset that cannot be");
  HF_CO_TRY(const Bytes tail, co_await server.read(si, share, Range{begin, begin + bytes_max}));
  if (tail.size() < offsets.length_bytes()) co_return fail(Errc::corrupt, "a share without an extension block");
  const std::uint64_t length = load_be(tail, 0, offsets.length_bytes());
  if (length > tail.size() - offsets.length_bytes())
    co_return fail(Errc::corrupt, "an extension block that is cut short");
  co_return to_bytes(ByteView(tail).subspan(offsets.length_bytes(), length));
}

bool fits(ByteView uri_extension, const immutable::Geometry& geometry) {
  const auto parsed = immutable::parse_uri_extension(uri_extension, geometry.params().k);
  return parsed && parsed->segment_size == geometry.segment_size() &&
         immutable::check_redundant_fields(*parsed, geometry).has_value();
}

using Found = std::map<Bytes, std::map<ShareNumber, std::set<grid::StorageServer*>>>;

struct Look {
  StorageIndex si;
  immutable::Geometry geometry;
  Found found{};
};

io::Task<void> look_at_share(Look* look, grid::StorageServer* server, ShareNumber share) {
  const Result<Bytes> block = co_await read_extension(*server, look->si, share);
  if (block && fits(*block, look->geometry)) look->found[*block][share].insert(server);
}

io::Task<Result<void>> look_at_shares(Look* look, grid::StorageServer* server) {
  HF_CO_TRY(const std::vector<ShareNumber> shares, co_await server->list_shares(look->si));
  io::TaskGroup group(co_await io::this_scope());
  for (const ShareNumber share : shares) {
    if (share < look->geometry.params().n) group.spawn(look_at_share(look, server, share));
  }
  co_await group.join();
  co_return Result<void>{};
}

io::Task<void> look_at_server(Look* look, grid::StorageServer* server, io::Duration silence) {
  static_cast<void>(co_await io::with_timeout(silence, look_at_shares(look, server)));
}

}  // namespace

unsigned Holding::happiness() const {
  std::map<grid::StorageServer*, std::set<ShareNumber>> by_server;
  for (const auto& [share, servers] : shares) {
    for (grid::StorageServer* server : servers) by_server[server].insert(share);
  }
  placement::ShareMap map;
  for (auto& [server, held] : by_server) map[map.size()] = std::move(held);
  return static_cast<unsigned>(placement::happiness(map));
}

io::Task<std::vector<Holding>> look_at_grid(const Context& context, StorageIndex si, immutable::Geometry geometry,
                                            io::Duration silence) {
  Look look{si, geometry};
  {
    io::TaskGroup group(co_await io::this_scope());
    for (const ServerFacts& each : candidates(context, si, geometry.params().n))
      group.spawn(look_at_server(&look, each.server, silence));
    co_await group.join();
  }
  std::vector<Holding> out;
  for (auto& [block, shares] : look.found) out.push_back({block, std::move(shares)});
  std::ranges::sort(out, std::greater(), [](const Holding& each) { return each.shares.size(); });
  co_return out;
}

}  // namespace holdfast::transfer
