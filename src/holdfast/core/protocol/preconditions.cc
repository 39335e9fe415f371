#include "holdfast/core/protocol/preconditions.h"

#include <algorithm>

#include "holdfast/core/protocol/field_text.h"

namespace holdfast::protocol {
namespace {

struct Tag {
  bool weak = false;
  std::string_view text;  // with its quotes; a word without them as it is
};

/// The next member of a list of tags; nothing at its end. A quote that is never closed ends the list.
std::optional<Tag> take_tag(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t,"), rest.size()));
  if (rest.empty()) return std::nullopt;
  Tag tag;
  if (rest.starts_with("W/\"")) {
    tag.weak = true;
    rest.remove_prefix(2);
  }
  std::size_t end = std::min(rest.find_first_of(" \t,"), rest.size());
  if (rest.front() == '"') {
    end = rest.find('"', 1);
    if (end == std::string_view::npos) {
      rest = {};
      return std::nullopt;
    }
    ++end;
  }
  tag.text = rest.substr(0, end);
  rest.remove_prefix(end);
  return tag;
}

template <class Matches>
bool any_tag(const std::vector<std::string_view>& fields, Matches matches) {
  for (std::string_view rest : fields) {
    while (const auto tag = take_tag(rest)) {
      if (matches(*tag)) return true;
    }
  }
  return false;
}

}  // namespace

Precondition judge(const Conditions& conditions, std::string_view etag, std::string_view former) {
  const auto strongly = [&](const Tag& tag) { return tag.text == "*" || (!tag.weak && tag.text == etag); };
  const auto weakly = [&](const Tag& tag) { return tag.text == "*" || tag.text == etag || tag.text == former; };
  if (!conditions.if_match.empty() && !any_tag(conditions.if_match, strongly)) return Precondition::failed;
  if (any_tag(conditions.if_none_match, weakly)) return Precondition::not_modified;
  return Precondition::holds;
}

bool range_stands(std::optional<std::string_view> if_range, std::string_view etag) {
  return !if_range || trim(*if_range) == etag;
}

}  // namespace holdfast::protocol
