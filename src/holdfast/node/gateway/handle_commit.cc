// From the last byte to the grid: sealed, pushed by the same code as `put`, remembered. Goes on by itself after a restart.
#include <algorithm>

#include "holdfast/core/cap/cap.h"
#include "holdfast/node/gateway/upload_handles.h"
#include "holdfast/node/transfer/put_journal.h"

namespace holdfast::gateway {
namespace {

using State = UploadHandle::State;

constexpr std::uint64_t kSmallBytes = 64 * 1'048'576;
constexpr io::Duration kNoProgressMax = std::chrono::minutes(5);
constexpr std::size_t kReadBytes = 1'048'576;
constexpr const char* kOtherBytes = "the bytes that came are not those of the digest that was announced";

/// Nothing that waiting could mend: the bytes are not what was acknowledged. All other trouble may be that of a directory, of a
/// server or of the grid, and what is here and safe is not thrown away for it.
bool is_final(Errc code) {
  return code == Errc::corrupt;
}

}  // namespace

std::string UploadHandles::source_path(const UploadHandle& handle) const {
  return handle.about.parts.empty() ? handle.upload->files.data_path() : handle.upload->files.data_path() + ".joined";
}

io::Task<Result<void>> UploadHandles::finish(UploadHandlePtr handle) {
  if (handle->about.partial) {
    co_await finish_concatenations();
    co_return Result<void>{};
  }
  Result<void> sealed = co_await prove_sha512(handle);
  if (sealed) sealed = co_await store_.seal(handle->upload, handle->about.sha256);
  if (!sealed && sealed.error().code == Errc::corrupt) {
    ++counters_.digest_mismatches;
    co_await fail_handle(handle, kOtherBytes);
  }
  const bool by_another_request = !handle->upload->is_open() && !handle->has_ended();
  if (!sealed && by_another_request) co_return Result<void>{};
  if (!sealed) co_return sealed;
  enter(*handle, State::committing);
  if (running_) work_.spawn(commit(handle));
  if (!running_) to_commit_.push_back(handle);
  co_return Result<void>{};
}

io::Task<Result<void>> UploadHandles::finish_if_whole(UploadHandlePtr handle) {
  if (!handle->is_receiving() || !handle->ends_at_length() || !handle->is_whole()) co_return Result<void>{};
  if (handle->parts.empty()) co_return co_await finish(handle);
  co_await finish_concatenations();
  co_return Result<void>{};
}

/// Those whose parts have all come.
io::Task<void> UploadHandles::finish_concatenations() {
  const std::map<std::string, UploadHandlePtr> all = handles_;
  for (const auto& [name, handle] : all) {
    const bool ready = !handle->parts.empty() && handle->is_receiving() && handle->is_whole();
    if (!ready) continue;
    enter(*handle, State::committing);
    if (running_) work_.spawn(commit(handle));
  }
  co_return;
}

/// They do not expire while a part grows.
void UploadHandles::hear_concatenations(const UploadHandlePtr& part) const {
  if (part->upload->pins == 0) return;
  for (const auto& [name, handle] : handles_) {
    if (std::ranges::find(handle->parts, part) != handle->parts.end()) store_.hear(*handle->upload);
  }
}

/// So many bytes from the disk, one piece after the other. Errors: corrupt (there are fewer), io.
io::Task<Result<void>> UploadHandles::read_file(std::string path, std::uint64_t bytes,
                                                std::function<void(ByteView)> use) {
  auto opening = [&] { return files_.open(path, io::Open::read); };
  HF_CO_TRY(const std::unique_ptr<io::File> file, co_await context_.disk.run(opening));
  const io::CancelScope& scope = co_await io::this_scope();
  Bytes piece(kReadBytes);
  for (std::uint64_t at = 0; at < bytes;) {
    if (scope.cancelled()) co_return fail(Errc::cancelled, "stopping");
    auto job = [&]() -> Result<void> {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), bytes - at));
      HF_TRY(const std::size_t got, file->read(at, MutableByteView(piece).first(wanted)));
      if (got < wanted) return fail(Errc::corrupt, "bytes that were acknowledged are not there any more");
      use(ByteView(piece).first(got));
      at += got;
      return {};
    };
    HF_CO_TRY_VOID(co_await context_.disk.run(job));
  }
  co_return Result<void>{};
}

/// No digest of that kind runs along, for hardly anybody sends one: the bytes are read once more.
io::Task<Result<void>> UploadHandles::prove_sha512(UploadHandlePtr handle) {
  if (handle->about.sha512.empty()) co_return Result<void>{};
  const std::unique_ptr<crypto::RunningChecksum> sum = crypto::make_running_checksum("sha512");
  std::function<void(ByteView)> use = [&sum](ByteView bytes) { sum->update(bytes); };
  if (handle->offset() > 0) {
    HF_CO_TRY_VOID(co_await read_file(source_path(*handle), handle->offset(), std::move(use)));
  }
  if (sum->finish() != handle->about.sha512) co_return fail(Errc::corrupt, kOtherBytes);
  co_return Result<void>{};
}

/// What the disk holds of a part, if that is what came: the digest that ran along with its bytes must be theirs. A part is never
/// sealed, and nobody else asks.
io::Task<Result<void>> UploadHandles::read_part(UploadHandlePtr part, resume::WholeDigest& joined) {
  const uploads::UploadPtr& upload = part->upload;
  const std::uint64_t bytes = upload->log.durable;
  if (!upload->is_open() || upload->log.length != bytes) co_return fail(Errc::corrupt, "a part is not whole any more");
  const std::optional<std::string> loss = co_await store_.find_loss(upload);
  if (loss) co_return fail(Errc::corrupt, "of a part " + *loss);
  HF_CO_TRY(const Hash sent, co_await store_.digest_of(upload));  // behind whoever replaces a piece of it
  if (!upload->log.withdrawn.empty()) co_return fail(Errc::corrupt, "a piece of a part was being replaced");
  resume::WholeDigest held;
  std::function<void(ByteView)> use = [&](ByteView piece) {
    held.update(piece);
    joined.update(piece);
  };
  if (bytes > 0) HF_CO_TRY_VOID(co_await read_file(upload->files.data_path(), bytes, std::move(use)));
  if (held.digest() != sent) co_return fail(Errc::corrupt, "a part is not what came of it");
  co_return Result<void>{};
}

/// A concatenation becomes one file to read. Its parts are whole, and change no more.
io::Task<Result<void>> UploadHandles::join(UploadHandlePtr handle) {
  const std::vector<UploadHandlePtr> parts = handle->parts;  // whoever cancels it meanwhile lets go of its own
  std::vector<JoinedFiles::Part> files;
  std::uint64_t length = 0;
  for (const UploadHandlePtr& part : parts) {
    const std::uint64_t bytes = part->upload->log.durable;
    length += bytes;
    if (bytes > 0) files.push_back({part->upload->files.data_path(), bytes});
  }
  if (!files.empty()) files_.join(source_path(*handle), std::move(files));
  if (handle->upload->is_sealed()) co_return Result<void>{};
  resume::WholeDigest running;
  for (const UploadHandlePtr& part : parts) HF_CO_TRY_VOID(co_await read_part(part, running));
  if (running.size() != length) co_return fail(Errc::corrupt, "a part has changed while it was joined");
  const Hash digest = running.digest();
  HF_CO_TRY_VOID(co_await prove_sha512(handle));
  if (handle->about.sha256 && *handle->about.sha256 != digest)
    co_return fail(Errc::corrupt, "the parts are not the file of the digest that was announced");
  co_return co_await store_.seal_joined(handle->upload, length, digest);
}

/// Before it is pushed: exactly what was acknowledged is to be read. A file that is not there is lost only where its journal is: else
/// it is the directory that is away.
io::Task<Result<void>> UploadHandles::find_source(UploadHandlePtr handle) {
  const std::string path = source_path(*handle);
  bool beside = false;
  auto look = [&] {
    beside = files_.info(handle->upload->files.journal_path()).has_value();
    return files_.info(path);
  };
  const Result<io::FileInfo> info = co_await context_.disk.run(look);
  const bool lost = !info && info.error().code == Errc::not_found && beside;
  if (lost) co_return fail(Errc::corrupt, "its bytes are not in the spool any more");
  if (!info) co_return tl::make_unexpected(info.error());
  const std::uint64_t bytes = handle->upload->log.durable;
  if (info->size < bytes)
    co_return fail(Errc::corrupt, "its file has " + std::to_string(info->size) + " bytes of " + std::to_string(bytes));
  // A write that failed may have left some behind them.
  if (info->size > bytes) files_.join(path, {{path, bytes}});
  co_return Result<void>{};
}

io::Task<Result<UploadResult>> UploadHandles::commit_once(UploadHandlePtr handle) {
  if (!handle->parts.empty()) HF_CO_TRY_VOID(co_await join(handle));
  UploadResult out;
  out.sha256 = *handle->upload->log.seal;
  out.size = handle->upload->log.durable;
  const io::Time begun = context_.loop.now();
  handle->progress = {};
  if (out.size == 0) {
    out.cap = cap::to_string(cap::Cap(cap::LitCap{}));
    co_return out;
  }
  HF_CO_TRY_VOID(co_await find_source(handle));
  transfer::UploadOptions options = options_.shape;
  options.content_sha256 = out.sha256;
  options.patience.give_up_after = kNoProgressMax;
  options.patience.outage = options.patience.straggler;  // somebody waits for the answer
  options.patience.slow_times = 3;
  Result<transfer::UploadReport> report =
      co_await transfer::upload_file(context_, source_path(*handle), std::move(options), handle->progress);
  if (!report) co_return tl::make_unexpected(report.error());
  if (report->file_bytes != out.size) co_return fail(Errc::corrupt, "its file changed while it was pushed");
  for (const std::string& warning : report->warnings)
    context_.log.info("upload " + handle->upload->name().substr(0, 8) + ": " + warning);
  out.cap = std::move(report->cap);
  const auto took = std::chrono::duration_cast<std::chrono::seconds>(context_.loop.now() - begun).count();
  out.seconds = static_cast<std::uint64_t>(took);
  counters_.commit_seconds += static_cast<double>(took);
  co_return out;
}

io::Task<void> UploadHandles::commit(UploadHandlePtr handle) {
  const io::Time begun = context_.loop.now();
  const std::string id = handle->upload->name().substr(0, 8);
  io::CancelScope scope(co_await io::this_scope());
  handle->work = &scope;
  for (;;) {
    io::Semaphore& slots = handle->length().value_or(0) <= kSmallBytes ? small_slots_ : large_slots_;
    auto waiting = slots.acquire();
    const bool mine = co_await waiting.in(scope);
    if (!mine) break;
    enter(*handle, State::committing);
    auto trying = commit_once(handle);
    Result<UploadResult> result = co_await trying.in(scope);
    slots.release();
    if (scope.cancelled() || handle->has_ended()) break;
    Result<void> kept = result ? Result<void>{} : tl::make_unexpected(result.error());
    if (result) {
      const std::uint64_t size = result->size;
      kept = co_await store_.commit(handle->upload, encode(*result));
      if (handle->upload->log.phase == resume::UploadPhase::committed) {
        ++counters_.committed;
        counters_.committed_bytes += size;
        handle->result = std::move(*result);
        if (options_.committed) options_.committed(*handle->result);
        unpin(*handle);
        enter(*handle, State::committed);
        break;
      }
    }
    const Error error = kept ? Error{Errc::io, "the result could not be written down"} : kept.error();
    if (error.code == Errc::cancelled) break;
    ++counters_.commit_failures;
    const bool too_long = context_.loop.now() - begun > std::chrono::seconds(options_.give_up_seconds);
    if (is_final(error.code) || too_long) {
      co_await fail_handle(handle, error.what);
      break;
    }
    handle->note = told(error.what);
    const unsigned doublings = std::min(handle->tries++, 12U);
    const io::Duration delay = std::min<io::Duration>(options_.retry_max, options_.retry_first * (1U << doublings));
    handle->retry_at = context_.loop.now() + delay;
    context_.log.info("upload " + id + ": trying again: " + error.what);
    enter(*handle, State::waiting);
    auto told = io::with_timeout(delay, handle->changed.told());
    const Result<void> woken = co_await told.in(scope);
    if (scope.cancelled() || handle->has_ended()) break;
    static_cast<void>(woken);
  }
  files_.part(source_path(*handle));
  handle->work = nullptr;
}

io::Task<void> UploadHandles::fail_handle(UploadHandlePtr handle, std::string why) {
  ++counters_.failed;
  context_.log.warning("upload " + handle->upload->name().substr(0, 8) + " has failed: " + why);
  handle->note = why = told(std::move(why));
  co_await store_.end(handle->upload, resume::UploadEnd::failed, std::move(why));
  unpin(*handle);
  enter(*handle, State::failed);
}

/// Bytes that were acknowledged are gone: a lower offset would be a lie, and the rest of the file is of no use without them.
io::Task<void> UploadHandles::fail_if_lost(UploadHandlePtr handle) {
  std::optional<std::string> loss = co_await store_.find_loss(handle->upload);
  if (loss) co_await fail_handle(handle, std::move(*loss));
}

/// Shares of an upload that was cancelled while it was pushed.
io::Task<void> UploadHandles::abandon_shares(std::string path) {
  for (const transfer::KeyMode mode : {transfer::KeyMode::convergent, transfer::KeyMode::random}) {
    transfer::UploadOptions options = options_.shape;
    options.key_mode = mode;
    const std::string journal = transfer::put_journal_path(context_.journal_directory, path, options);
    static_cast<void>(co_await transfer::cancel_upload(context_, journal));
  }
}

}  // namespace holdfast::gateway
