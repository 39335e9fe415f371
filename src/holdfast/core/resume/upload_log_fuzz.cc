// What a journal says depends on its good bytes alone, keeps its own rules, and survives being compacted.
#include "holdfast/core/base/check.h"
#include "holdfast/core/resume/upload_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::resume;
  const ByteView bytes{data, size};
  const auto replayed = replay_upload(bytes);
  if (!replayed) return 0;
  const UploadLog& log = replayed->log;
  HF_CHECK(replayed->good_bytes <= size && log.durable <= log.length.value_or(kUploadBytesMax));
  HF_CHECK(log.phase == UploadPhase::open || log.phase == UploadPhase::ended ||
           (log.seal && log.length == log.durable && log.withdrawn.empty()));
  const Bytes compact = compact_upload(log);
  const auto good = replay_upload(bytes.first(replayed->good_bytes));
  HF_CHECK(good && good->good_bytes == replayed->good_bytes && compact_upload(good->log) == compact);
  const auto again = replay_upload(compact);
  HF_CHECK(again && again->good_bytes == compact.size() && compact_upload(again->log) == compact);
  return 0;
}
