#include "holdfast/node/transfer/unfinished.h"

#include <algorithm>

#include "holdfast/node/transfer/segment_source.h"

namespace holdfast::transfer {
namespace {

constexpr std::string_view kPrefix = "put-", kSuffix = ".journal";

}  // namespace

std::string upload_id(const std::string& journal_path) {
  const std::string name = io::file_name(journal_path);
  return name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
}

Result<std::vector<UnfinishedUpload>> list_unfinished(const Context& context) {
  std::vector<UnfinishedUpload> out;
  const auto entries = context.files.list(context.journal_directory);
  if (!entries && entries.error().code == Errc::not_found) return out;
  if (!entries) return tl::make_unexpected(entries.error());
  for (const io::FileSystem::Entry& entry : *entries) {
    const std::string_view name = entry.name;
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    UnfinishedUpload& upload = out.emplace_back();
    upload.journal_path = io::join_path(context.journal_directory, entry.name);
    upload.id = upload_id(upload.journal_path);
    const Result<Bytes> bytes = io::read_file(context.files, upload.journal_path, kPutJournalBytesMax);
    if (!bytes) continue;
    if (Result<PutJournal> journal = decode_put_journal(*bytes)) upload.journal = std::move(*journal);
    if (!upload.journal) continue;
    const Result<SourceIdentity> now = identify(context.files, upload.journal->source.path);
    upload.source_unchanged = now && *now == upload.journal->source;
  }
  std::ranges::sort(out, {},
                    [](const UnfinishedUpload& each) { return each.journal ? each.journal->started_wall_seconds : 0; });
  return out;
}

}  // namespace holdfast::transfer
