// holdfast debug: what a share file holds, what a cap says.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "holdfast/cli/commands.h"
#include "holdfast/core/base/base32.h"
#include "holdfast/core/cap/cap.h"
#include "holdfast/core/cap/derive.h"
#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/core/immutable/uri_extension.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/node/storage/share_container.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

/// Lines of "name: value" for people, the object itself for scripts.
std::string render(const json::object& facts, bool as_json) {
  if (as_json) return json::serialize(facts) + "\n";
  std::string out;
  for (const auto& [name, value] : facts) {
    out += fmt::format("{:>20}: {}\n", std::string_view(name),
                       value.is_string() ? std::string(value.as_string()) : json::serialize(value));
  }
  return out;
}

template <class Chk>
void add_encoding(const Chk& cap, json::object& out) {
  out["size"] = cap.size;
  out["encoding"] = fmt::format("{}-of-{}", cap.k, cap.n);
  out["ueb_hash"] = base32_encode(cap.ueb_hash.view());
}

/// A value of the extension block: text where it is text, else base32 of a hash.
json::string field_text(const Bytes& value) {
  const bool printable = std::ranges::all_of(value, [](std::uint8_t c) { return c >= 0x20 && c < 0x7f; });
  if (!printable && value.size() == Hash::kSize) return json::string(base32_encode(value));
  if (!printable) return json::string(fmt::format("({} bytes)", value.size()));
  return json::string(text_of(value));
}

struct OpenShare {
  std::unique_ptr<io::File> file;
  std::uint64_t begin = 0, size = 0;  // of the share within the file

  Result<void> read(std::uint64_t offset, MutableByteView out) const {
    if (offset > size || out.size() > size - offset) return fail(Errc::corrupt, "the share ends early");
    HF_TRY(const std::size_t count, file->read(begin + offset, out));
    if (count != out.size()) return fail(Errc::corrupt, "the file ends early");
    return {};
  }
};

Result<OpenShare> open_share(io::FileSystem& files, const std::string& path, json::object& facts) {
  OpenShare out;
  HF_TRY(out.file, files.open(path, io::Open::read));
  HF_TRY(const io::FileInfo info, out.file->info());
  out.size = info.size;
  if (const auto container = storage::inspect_container(*out.file, false);
      container && container->kind == storage::ContainerKind::immutable) {
    out.begin = storage::kContainerHeaderBytes;
    out.size = container->data_bytes;
    facts["container"] = fmt::format("immutable, version {}", container->version);
    facts["leases"] = container->leases;
  } else {
    facts["container"] = "none (a bare share)";
  }
  facts["share_bytes"] = out.size;
  return out;
}

Result<void> add_sections(const OpenShare& share, json::object& facts) {
  Bytes header(std::min<std::uint64_t>(share.size, immutable::kHeaderBytesV2));
  HF_TRY_VOID(share.read(0, header));
  HF_TRY(const immutable::ShareOffsets offsets, immutable::parse_header(header));
  facts["layout_version"] = offsets.version;
  facts["offsets"] = json::object{{"data", offsets.data},
                                  {"plaintext_hashes", offsets.plaintext_hashes},
                                  {"crypttext_hashes", offsets.crypttext_hashes},
                                  {"block_hashes", offsets.block_hashes},
                                  {"share_hashes", offsets.share_hashes},
                                  {"uri_extension", offsets.uri_extension}};
  Bytes length_field(offsets.length_bytes());
  HF_TRY_VOID(share.read(offsets.uri_extension, length_field));
  std::uint64_t length = 0;
  for (std::uint8_t byte : length_field) length = length << 8 | byte;
  if (length > immutable::kUriExtensionBytesMax) return fail(Errc::corrupt, "the URI extension block is too long");
  Bytes block(length);
  HF_TRY_VOID(share.read(offsets.uri_extension + length_field.size(), block));
  facts["ueb_hash"] = base32_encode(immutable::uri_extension_hash(block).view());
  HF_TRY(const immutable::UriExtension extension, immutable::parse_uri_extension(block, 1));
  json::object fields;
  for (const auto& [name, value] : extension.fields) fields[name] = field_text(value);
  facts["uri_extension"] = std::move(fields);
  return {};
}

/// The number is not in the share: servers name the file by it.
std::optional<ShareNumber> number_of(const std::string& path) {
  const std::size_t begin = path.find_last_not_of("0123456789") + 1;
  const auto number = protocol::parse_decimal(std::string_view(path).substr(begin));
  if (!number || *number >= kSharesMax) return std::nullopt;
  return static_cast<ShareNumber>(*number);
}

Result<ShareDump> audit(const OpenShare& share, const std::string& path) {
  const std::optional<ShareNumber> number = number_of(path);
  if (!number) return ShareDump{"not done: the file's name does not end in the share's number", true};
  const immutable::ShareBytesAt read = [&](std::uint64_t offset, MutableByteView out) {
    return share.read(offset, out);
  };
  HF_TRY(const immutable::AuditVerdict found, immutable::audit_share(share.size, *number, read));
  if (std::holds_alternative<immutable::AuditPassed>(found))
    return ShareDump{fmt::format("consistent, as share {}", *number), true};
  const auto* failed = std::get_if<immutable::AuditFailed>(&found);
  if (failed == nullptr) return ShareDump{"not the share of a file", false};
  return ShareDump{fmt::format("as share {}: {} bytes are wrong, from byte {}", *number, failed->wrong.total(),
                               failed->wrong.front().begin),
                   false};
}

}  // namespace

Result<std::string> describe_cap(const std::string& text, bool as_json) {
  const cap::Cap cap = cap::parse_cap(text);
  json::object facts{{"kind", json::string(cap::kind_of(cap))}};
  if (const auto* read = std::get_if<cap::ChkReadCap>(&cap)) {
    facts["storage_index"] = to_string(cap::storage_index_of(read->key));
    add_encoding(*read, facts);
    facts["verify_cap"] = cap::to_string(cap::Cap(cap::weaken(*read)));
  } else if (const auto* verify = std::get_if<cap::ChkVerifyCap>(&cap)) {
    facts["storage_index"] = to_string(verify->storage_index);
    add_encoding(*verify, facts);
  } else if (const auto* literal = std::get_if<cap::LitCap>(&cap)) {
    facts["size"] = literal->data.size();
  } else {
    return fail(Errc::malformed, "not a cap of this program; was it cut when it was copied?");
  }
  return render(facts, as_json);
}

Result<ShareDump> describe_share(io::FileSystem& files, const std::string& path, bool as_json) {
  json::object facts;
  bool sound = false;
  HF_TRY(const OpenShare share, open_share(files, path, facts));
  if (const Result<void> sections = add_sections(share, facts); !sections) {
    facts["problem"] = sections.error().what;
  } else {
    HF_TRY(const ShareDump verdict, audit(share, path));
    facts["audit"] = verdict.text;
    sound = verdict.sound;
  }
  return ShareDump{render(facts, as_json), sound};
}

}  // namespace holdfast::cli
