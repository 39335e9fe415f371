#include "holdfast/node/gateway/file_table.h"

#include <algorithm>

namespace holdfast::gateway {

FileUse::~FileUse() {
  if (file_ != nullptr) table_->release(*file_);
}

Result<FileUse> FileTable::use(const cap::ChkReadCap& cap) {
  const Hash id = file_id_of(cap);
  auto it = files_.find(id);
  if (it != files_.end() && it->second->failed()) {
    retire(std::move(it->second));
    files_.erase(it);
    it = files_.end();
  }
  if (it == files_.end()) {
    end_longest_opening();
    if (files_.size() >= shared_.limits.open_files_max && !close_longest_idle()) {
      return fail(Errc::unavailable, "too many files are being read");
    }
    it = files_.emplace(id, std::make_unique<OpenFile>(shared_, cap)).first;
  }
  ++it->second->users;
  return FileUse(*this, *it->second);
}

void FileTable::release(OpenFile& file) {
  file.used_at = shared_.context.loop.now();
  if (--file.users > 0) return;
  const auto failed = std::ranges::find_if(failed_, [&](const auto& each) { return each.get() == &file; });
  if (failed != failed_.end()) {
    std::unique_ptr<OpenFile> owned = std::move(*failed);
    failed_.erase(failed);
    retire(std::move(owned));
    return;
  }
  if (file.is_open() && !file.failed()) return;
  const auto it = files_.find(file.id());
  std::unique_ptr<OpenFile> owned = std::move(it->second);
  files_.erase(it);
  retire(std::move(owned));
}

void FileTable::retire(std::unique_ptr<OpenFile> file) {
  if (file->users > 0) {
    failed_.push_back(std::move(file));
  } else {
    closing_.spawn(close_one(std::move(file)));
  }
}

io::Task<void> FileTable::close_one(std::unique_ptr<OpenFile> file) {
  co_await file->close();
}

bool FileTable::close_longest_idle() {
  auto longest = files_.end();
  for (auto it = files_.begin(); it != files_.end(); ++it) {
    if (it->second->users == 0 && (longest == files_.end() || it->second->used_at < longest->second->used_at))
      longest = it;
  }
  if (longest == files_.end()) return false;
  retire(std::move(longest->second));
  files_.erase(longest);
  return true;
}

/// Files that are there open in a moment; those that hold the others up are caps of nothing, and grids that do not answer.
void FileTable::end_longest_opening() {
  std::size_t count = 0;
  auto longest = files_.end();
  for (auto it = files_.begin(); it != files_.end(); ++it) {
    if (it->second->is_open() || it->second->failed()) continue;
    ++count;
    if (longest == files_.end() || it->second->used_at < longest->second->used_at) longest = it;
  }
  if (count < shared_.limits.opening_files_max) return;
  longest->second->give_up(Error{Errc::unavailable, "too many files are being opened"});
  retire(std::move(longest->second));
  files_.erase(longest);
}

void FileTable::close_idle() {
  const io::Time since = shared_.context.loop.now() - shared_.limits.idle_file;
  for (auto it = files_.begin(); it != files_.end();) {
    if (it->second->users == 0 && it->second->used_at <= since) {
      retire(std::move(it->second));
      it = files_.erase(it);
    } else {
      ++it;
    }
  }
}

io::Task<void> FileTable::tend() {
  for (bool running = true; running;) {
    running = co_await io::sleep_for(shared_.limits.idle_file / 4);
    close_idle();
  }
  for (auto& [id, file] : files_) retire(std::move(file));
  files_.clear();
  HF_CHECK(failed_.empty());
  co_await closing_.join();
}

}  // namespace holdfast::gateway
