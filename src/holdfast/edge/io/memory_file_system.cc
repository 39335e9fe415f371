#include "holdfast/edge/io/memory_file_system.h"

#include <algorithm>
#include <set>

#include "holdfast/edge/io/memory_file.h"

namespace holdfast::io {
namespace {

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    std::string part = path.substr(at, slash - at);
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    at = slash + 1;
  }
  return parts;
}

}  // namespace

MemoryFileSystem::MemoryFileSystem(Random& random) : random_(random), root_(std::make_shared<MemoryNode>()) {
  root_->inode = 1;
  root_->is_directory = true;
}

void MemoryFileSystem::set_clock(std::function<std::int64_t()> now_ns) {
  const std::lock_guard lock(mutex_);
  clock_ = std::move(now_ns);
}

void MemoryFileSystem::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

std::uint64_t MemoryFileSystem::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void MemoryFileSystem::fail_operation(std::uint64_t n, Errc error) {
  const std::lock_guard lock(mutex_);
  failures_[n] = error;
}

void MemoryFileSystem::power_off_from(std::uint64_t n) {
  const std::lock_guard lock(mutex_);
  off_from_ = n;
}

void MemoryFileSystem::process_killed() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  locks_.clear();
  off_from_.reset();
}

void MemoryFileSystem::power_cut() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  locks_.clear();
  off_from_.reset();
  failures_.clear();
  const std::uint64_t survivors = random_.below(pending_names_.size() + 1);
  for (std::uint64_t i = 0; i < survivors; ++i) make_durable(pending_names_[i]);
  pending_names_.clear();
  root_->come_back(random_);
}

Result<void> MemoryFileSystem::count_operation() {
  const std::uint64_t number = operations_++;
  if (off_from_ && number >= *off_from_) return fail(Errc::io, "the power is off");
  const auto it = failures_.find(number);
  if (it == failures_.end()) return {};
  const Errc error = it->second;
  failures_.erase(it);
  return fail(error, "this operation was to fail");
}

Result<MemoryFileSystem::Place> MemoryFileSystem::find(const std::string& path) const {
  const std::vector<std::string> parts = parts_of(path);
  if (path.empty()) return failed(Errc::not_found, "find", path, "an empty name");
  Place place{nullptr, "", root_};
  for (const std::string& part : parts) {
    if (place.node == nullptr || !place.node->is_directory)
      return failed(Errc::not_found, "find", path, "no such directory");
    place.directory = place.node;
    place.name = part;
    const auto it = place.directory->entries.find(part);
    place.node = it == place.directory->entries.end() ? nullptr : it->second;
  }
  return place;
}

Result<MemoryFileSystem::NodePtr> MemoryFileSystem::find_node(const std::string& path) const {
  HF_TRY(Place place, find(path));
  if (place.node == nullptr) return failed(Errc::not_found, "find", path, "it does not exist");
  return std::move(place.node);
}

MemoryFileSystem::NodePtr MemoryFileSystem::make_node(bool directory) {
  auto node = std::make_shared<MemoryNode>();
  node->inode = next_inode_++;
  node->is_directory = directory;
  node->changed_ns = now_ns();
  return node;
}

void MemoryFileSystem::change_names(NameChange change) {
  for (const Place& name : change) {
    if (name.node != nullptr)
      name.directory->entries[name.name] = name.node;
    else
      name.directory->entries.erase(name.name);
    name.directory->changed_ns = now_ns();
  }
  pending_names_.push_back(std::move(change));
}

void MemoryFileSystem::make_durable(const NameChange& change) {
  for (const Place& name : change) {
    if (name.node != nullptr)
      name.directory->durable_entries[name.name] = name.node;
    else
      name.directory->durable_entries.erase(name.name);
  }
}

Result<void> MemoryFileSystem::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  HF_TRY(const NodePtr directory, find_node(path));
  if (!directory->is_directory) return failed(Errc::not_found, "sync", path, "not a directory");
  // From the newest to the oldest: whatever touches this directory, or a name that goes along already.
  std::set<std::pair<const MemoryNode*, std::string>> along;
  std::vector<bool> chosen(pending_names_.size());
  for (std::size_t i = pending_names_.size(); i-- > 0;) {
    const NameChange& change = pending_names_[i];
    chosen[i] = std::ranges::any_of(change, [&](const Place& name) {
      return name.directory == directory || along.contains({name.directory.get(), name.name});
    });
    if (!chosen[i]) continue;
    for (const Place& name : change) along.insert({name.directory.get(), name.name});
  }
  std::vector<NameChange> rest;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i])
      make_durable(pending_names_[i]);
    else
      rest.push_back(std::move(pending_names_[i]));
  }
  pending_names_ = std::move(rest);
  return {};
}

Result<std::unique_ptr<File>> MemoryFileSystem::open(const std::string& path, Open how) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  HF_TRY(Place place, find(path));
  const bool may_make = how != Open::read && how != Open::write;
  if (place.node != nullptr && how == Open::create_new) return failed(Errc::conflict, "create", path, "it exists");
  if (place.node == nullptr && !may_make) return failed(Errc::not_found, "open", path, "it does not exist");
  if (place.node != nullptr && place.node->is_directory) return failed(Errc::io, "open", path, "it is a directory");
  if (place.node == nullptr) {
    place.node = make_node(false);
    place.node->permissions = how == Open::create_private ? 0600 : 0644;
    change_names({{place.directory, place.name, place.node}});
  }
  return std::make_unique<MemoryFile>(*this, std::move(place.node), path, how != Open::read);
}

Result<void> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  return rename_now(from, to, true);
}

Result<void> MemoryFileSystem::rename_new(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  return rename_now(from, to, false);
}

Result<void> MemoryFileSystem::rename_now(const std::string& from, const std::string& to, bool replace) {
  HF_TRY(const Place source, find(from));
  HF_TRY(const Place target, find(to));
  if (source.node == nullptr) return failed(Errc::not_found, "rename", from, "it does not exist");
  if (source.directory == nullptr || target.directory == nullptr)
    return failed(Errc::io, "rename", from, "the root stays");
  if (target.node != nullptr) {
    if (!replace) return failed(Errc::conflict, "rename " + from + " to", to, "it exists");
    if (target.node == source.node) return {};
    if (target.node->is_directory && !source.node->is_directory)
      return failed(Errc::io, "replace", to, "it is a directory");
    if (!target.node->is_directory && source.node->is_directory)
      return failed(Errc::not_found, "replace", to, "not a directory");
    if (!target.node->entries.empty()) return failed(Errc::conflict, "replace", to, "it is not empty");
  }
  const std::vector<std::string> from_parts = parts_of(from), to_parts = parts_of(to);
  if (to_parts.size() > from_parts.size() && std::equal(from_parts.begin(), from_parts.end(), to_parts.begin()))
    return failed(Errc::io, "rename", from, "it would lie in itself");
  change_names({{source.directory, source.name, nullptr}, {target.directory, target.name, source.node}});
  return {};
}

Result<void> MemoryFileSystem::unlink(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  HF_TRY(const Place place, find(path));
  if (place.node == nullptr) return failed(Errc::not_found, "remove", path, "it does not exist");
  if (place.node->is_directory) return failed(Errc::io, "remove", path, "it is a directory");
  change_names({{place.directory, place.name, nullptr}});
  return {};
}

Result<std::vector<std::string>> MemoryFileSystem::make_directories(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  return make_directories_now(path);
}

Result<std::vector<std::string>> MemoryFileSystem::make_directories_now(const std::string& path) {
  const auto place = find(path);
  if (place && place->node != nullptr) {
    if (place->node->is_directory) return std::vector<std::string>{};
    return failed(Errc::conflict, "make the directory", path, "a file has that name");
  }
  const std::string parent = parent_path(path);
  if (parent == path) return failed(Errc::not_found, "make the directory", path, "an empty name");
  const auto above = make_directories_now(parent);
  if (!above)
    return failed(above.error().code == Errc::conflict ? Errc::not_found : above.error().code, "make the directory",
                  path, above.error().what);
  std::vector<std::string> made = *above;
  HF_TRY(const Place now, find(path));
  change_names({{now.directory, now.name, make_node(true)}});
  made.push_back(path);
  return made;
}

Result<void> MemoryFileSystem::remove_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  HF_TRY(const Place place, find(path));
  if (place.node == nullptr || !place.node->is_directory)
    return failed(Errc::not_found, "remove the directory", path, "no such directory");
  if (place.directory == nullptr) return failed(Errc::io, "remove the directory", path, "the root stays");
  if (!place.node->entries.empty()) return failed(Errc::conflict, "remove the directory", path, "it is not empty");
  change_names({{place.directory, place.name, nullptr}});
  return {};
}

Result<std::vector<FileSystem::Entry>> MemoryFileSystem::list(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  HF_TRY(const NodePtr node, find_node(path));
  if (!node->is_directory) return failed(Errc::not_found, "list", path, "not a directory");
  std::vector<Entry> out;
  for (const auto& [name, entry] : node->entries) out.push_back({name, entry->is_directory});
  return out;
}

Result<void> MemoryFileSystem::sync_all(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  HF_TRY_VOID(find_node(path));
  for (const NameChange& change : pending_names_) make_durable(change);
  pending_names_.clear();
  root_->sync_below();
  return {};
}

Result<FileInfo> MemoryFileSystem::info(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  HF_TRY(const NodePtr node, find_node(path));
  return node->info();
}

bool MemoryFileSystem::fits(const MemoryNode& file, Range bytes) const {
  if (!capacity_) return true;
  std::uint64_t fresh = 0;
  for (const Range& range : MemoryNode::sectors_of(bytes).ranges()) fresh += file.sectors.gaps(range).total();
  return fresh == 0 || root_->allocated_bytes() + fresh <= *capacity_;
}

Result<std::uint64_t> MemoryFileSystem::free_bytes(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(count_operation());
  HF_TRY_VOID(find_node(path));
  if (!capacity_) return std::uint64_t{1} << 40;
  const std::uint64_t used = root_->allocated_bytes();
  return *capacity_ > used ? *capacity_ - used : 0;
}

}  // namespace holdfast::io
