#include "holdfast/core/immutable/self_described.h"

#include <algorithm>
#include <array>
#include <optional>

namespace holdfast::immutable {
namespace {

constexpr std::size_t kDigitsMax = 18;

std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty() || text.size() > kDigitsMax) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

enum Part : std::size_t { kBytes, kNeeded, kTotal };

/// Reads fields, and remembers whether one that is there was unreadable.
class Fields {
 public:
  explicit Fields(const UriExtension& extension) : fields_(extension.fields) {}
  bool garbled() const { return garbled_; }

  std::optional<std::uint64_t> plain(std::string_view key) {
    const auto it = fields_.find(key);
    return it == fields_.end() ? std::nullopt : checked(number(text_of(it->second)));
  }
  /// Of "bytes-needed-total".
  std::optional<std::uint64_t> part(std::string_view key, Part which) {
    const auto it = fields_.find(key);
    if (it == fields_.end()) return std::nullopt;
    std::string_view rest = text_of(it->second);
    std::array<std::string_view, 3> parts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::size_t end = i + 1 < parts.size() ? rest.find('-') : rest.size();
      if (end == std::string_view::npos) return checked(std::nullopt);
      parts[i] = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return checked(number(parts[which]));
  }

 private:
  std::optional<std::uint64_t> checked(std::optional<std::uint64_t> value) {
    garbled_ = garbled_ || !value;
    return value;
  }
  const std::map<std::string, Bytes, std::less<>>& fields_;
  bool garbled_ = false;
};

}  // namespace

Result<Geometry> self_described_geometry(const UriExtension& extension) {
  Fields fields(extension);
  auto k = fields.plain("needed_shares"), n = fields.plain("total_shares"), size = fields.plain("size");
  if (!k) k = fields.part("codec_params", kNeeded);
  if (!n) n = fields.part("codec_params", kTotal);
  if (!size) {
    const auto segments = fields.plain("num_segments"), tail = fields.part("tail_codec_params", kBytes);
    if (segments && tail && *segments > 0) {
      constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 56;
      if (*tail > extension.segment_size || *segments - 1 > kSizeMax / extension.segment_size) {
        return fail(Errc::corrupt, "URI extension: segments that cannot be");
      }
      size = (*segments - 1) * extension.segment_size + *tail;
    }
  }
  if (fields.garbled()) return fail(Errc::corrupt, "URI extension: a number that is none");
  if (!k || !n || !size) return fail(Errc::not_found, "URI extension: it does not say how the file was encoded");
  if (*n > kSharesMax || *k > *n) return fail(Errc::corrupt, "URI extension: shares that cannot be");
  auto geometry =
      Geometry::create(Params{static_cast<unsigned>(*k), static_cast<unsigned>(*n), *size, extension.segment_size});
  if (!geometry) return fail(Errc::corrupt, geometry.error().what);
  return geometry;
}

}  // namespace holdfast::immutable
