// What a journal says depends on its good bytes alone, stays inside the share, and survives being compacted.
#include "holdfast/core/base/check.h"
#include "holdfast/node/storage/upload_journal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::storage;
  const ByteView bytes{data, size};
  const auto content = decode_journal(bytes);
  if (!content) return 0;
  HF_CHECK(content->good_bytes >= kJournalHeaderBytes && content->good_bytes <= size);
  HF_CHECK(content->held.empty() ||
           content->held.gaps({0, content->header.allocated_size}).total() + content->held.total() ==
               content->header.allocated_size);
  const Bytes compact = compact_journal(*content);
  const auto good = decode_journal(bytes.first(content->good_bytes));
  HF_CHECK(good && good->good_bytes == content->good_bytes && compact_journal(*good) == compact);
  const auto again = decode_journal(compact);
  HF_CHECK(again && again->good_bytes == compact.size() && again->held == content->held &&
           compact_journal(*again) == compact);
  HF_CHECK(again->more_leases.size() == content->more_leases.size());
  return 0;
}
