#include "holdfast/node/helper/given_up.h"

#include <algorithm>
#include <boost/json.hpp>

namespace holdfast::helper {
namespace {

namespace json = boost::json;

Result<GivenUp> decode_one(const json::value& value) {
  const auto malformed = [] { return fail(Errc::malformed, "not an upload that was given up"); };
  const json::object* object = value.if_object();
  if (object == nullptr) return malformed();
  const json::value *id = object->if_contains("id"), *size = object->if_contains("size"),
                    *reason = object->if_contains("reason"), *at = object->if_contains("at");
  for (const json::value* text : {id, reason}) {
    if (text == nullptr || !text->is_string()) return malformed();
  }
  GivenUp out{std::string(id->get_string()), 0, std::string(reason->get_string()), 0};
  boost::system::error_code no_size, no_time;
  if (size == nullptr || at == nullptr) return malformed();
  out.size = size->to_number<std::uint64_t>(no_size);
  out.wall_seconds = at->to_number<std::int64_t>(no_time);
  if (no_size || no_time || out.id.empty()) return malformed();
  return out;
}

}  // namespace

void GivenUpList::add(GivenUp one) {
  remove(one.id);
  one.reason.resize(std::min(one.reason.size(), kReasonBytesMax));
  // Part of a character would make the file unreadable.
  std::ranges::replace_if(
      one.reason, [](unsigned char c) { return c < 32 || c > 126; }, ' ');
  items_.push_back(std::move(one));
  if (items_.size() > kMax) items_.erase(items_.begin());
}

bool GivenUpList::contains(std::string_view id) const {
  return std::ranges::any_of(items_, [id](const GivenUp& each) { return each.id == id; });
}

bool GivenUpList::remove(std::string_view id) {
  return std::erase_if(items_, [id](const GivenUp& each) { return each.id == id; }) > 0;
}

Bytes encode(const GivenUpList& list) {
  json::array out;
  for (const GivenUp& each : list.items())
    out.push_back({{"id", each.id}, {"size", each.size}, {"reason", each.reason}, {"at", each.wall_seconds}});
  return to_bytes(json::serialize(out) + "\n");
}

Result<GivenUpList> decode_given_up(ByteView bytes) {
  if (bytes.size() > GivenUpList::kFileBytesMax) return fail(Errc::malformed, "too long");
  boost::system::error_code problem;
  const json::value value = json::parse(text_of(bytes), problem);
  if (problem || !value.is_array()) return fail(Errc::malformed, "not a list of what was given up");
  GivenUpList out;
  for (const json::value& each : value.get_array()) {
    HF_TRY(GivenUp one, decode_one(each));
    out.add(std::move(one));
  }
  return out;
}

}  // namespace holdfast::helper
