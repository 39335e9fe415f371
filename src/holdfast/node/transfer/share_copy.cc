#include "holdfast/node/transfer/share_copy.h"

#include "holdfast/edge/io/task_group.h"

namespace holdfast::transfer {
namespace {

struct Part {
  Range range;
  Result<Bytes> bytes = fail(Errc::cancelled, "stopped");
};

io::Task<void> read_part(grid::StorageServer* server, StorageIndex si, ShareNumber share, Part* part) {
  part->bytes = co_await server->read(si, share, part->range);
}

}  // namespace

/// The tail alone, where it should be; the header only of a share that is laid out otherwise, or not good.
io::Task<Result<void>> ShareCopy::open_once() {
  Range at = reader.tail_range();
  HF_CO_TRY(Bytes tail, co_await server.read(si_, reader.share(), at));
  if (reader.open_without_header(tail)) co_return Result<void>{};
  HF_CO_TRY(const Bytes header, co_await server.read(si_, reader.share(), reader.header_range()));
  HF_CO_TRY_VOID(reader.on_header(header));
  if (reader.tail_range() != at) {
    at = reader.tail_range();
    HF_CO_TRY(tail, co_await server.read(si_, reader.share(), at));
  }
  const Result<void> opened = reader.on_tail(tail);
  if (!opened && opened.error().code == Errc::malformed) {
    file_error = opened.error();
    co_return fail(Errc::corrupt, opened.error().what);
  }
  co_return opened;
}

io::Task<Result<void>> ShareCopy::open() {
  const bool mine = co_await hashes_.acquire();
  if (!mine) co_return fail(Errc::cancelled, "stopped");
  Result<void> opened;
  if (!reader.is_open()) opened = co_await open_once();
  hashes_.release();
  co_return opened;
}

io::Task<Result<void>> ShareCopy::nodes(SegmentNumber first, SegmentNumber end) {
  std::vector<Part> parts;
  for (const Range& range : reader.wanted_nodes(first, end).ranges()) parts.push_back(Part{range});
  if (parts.empty()) co_return Result<void>{};
  {
    io::TaskGroup group(co_await io::this_scope());
    for (Part& part : parts) group.spawn(read_part(&server, si_, reader.share(), &part));
    co_await group.join();
  }
  // All of them or none: hashes without the siblings that prove them would speak against the next ones.
  for (const Part& part : parts) {
    if (!part.bytes) co_return tl::make_unexpected(part.bytes.error());
  }
  for (const Part& part : parts) HF_CO_TRY_VOID(reader.on_nodes(part.range.begin, *part.bytes));
  HF_CO_TRY_VOID(reader.settle_nodes());
  // Fewer bytes than asked for prove nothing wrong, and nothing at all.
  if (!reader.wanted_nodes(first, end).empty()) co_return fail(Errc::corrupt, "the share ends before its hashes");
  co_return Result<void>{};
}

io::Task<void> ShareCopy::nodes_into(SegmentNumber first, SegmentNumber end, Result<void>* out) {
  const bool mine = co_await hashes_.acquire();
  if (!mine) {
    *out = fail(Errc::cancelled, "stopped");
    co_return;
  }
  *out = co_await nodes(first, end);
  hashes_.release();
}

/// Where a broken connection leaves what has come: a link that drops often is got over all the same.
io::Task<void> ShareCopy::bytes_into(Range range, grid::Arriving* bytes, Result<void>* out) {
  while (bytes->arrived < range.size()) {
    const std::size_t before = bytes->arrived;
    const Range rest{range.begin + before, range.end};
    *out = co_await server.read_onto(si_, reader.share(), rest, *bytes);
    const bool moved = bytes->arrived > before;
    if (moved) link_.heard();
    if (*out && bytes->arrived < range.size()) *out = fail(Errc::corrupt, "the share is shorter than it should be");
    if (*out || out->error().code != Errc::unavailable || !moved) co_return;
    ++cuts;
  }
}

io::Task<Result<void>> ShareCopy::fetch_hashes(SegmentNumber first, SegmentNumber end) {
  HF_CO_TRY_VOID(co_await open());
  Result<void> out;
  co_await nodes_into(first, end, &out);
  co_return out;
}

/// Hashes and blocks travel at the same time: on a long way each question costs a round trip.
io::Task<Result<Buffer>> ShareCopy::fetch_blocks(SegmentNumber first, SegmentNumber end, grid::Arriving& bytes) {
  HF_CO_TRY_VOID(co_await open());
  const Range range = reader.block_range(first, end);
  Result<void> hashed, came;
  {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(nodes_into(first, end, &hashed));
    group.spawn(bytes_into(range, &bytes, &came));
    co_await group.join();
  }
  if (!hashed) co_return tl::make_unexpected(hashed.error());
  if (!came) co_return tl::make_unexpected(came.error());
  Buffer blocks = std::exchange(bytes, {}).buffer;
  blocks.resize(range.size());
  HF_CO_TRY(const immutable::BlockCheck right, reader.block_check(first, end));
  auto check = [&] { return right(blocks); };
  const Result<void> checked = co_await context_.cpu.run(check);
  if (checked) co_return std::move(blocks);
  const std::string where = "share[" + std::to_string(range.begin) + "-" + std::to_string(range.end) + ")";
  static_cast<void>(
      co_await server.advise_corrupt(si_, reader.share(), "corruption in " + where + ": " + checked.error().what));
  co_return tl::make_unexpected(checked.error());
}

}  // namespace holdfast::transfer
