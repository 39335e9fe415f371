#include "holdfast/node/gateway/file_answer.h"

#include "holdfast/core/protocol/byte_ranges.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/core/protocol/preconditions.h"

namespace holdfast::gateway {
namespace {

using Kind = protocol::RangeChoice::Kind;

protocol::RangeChoice range_choice(const http::RequestHead& request, const FileFacts& facts) {
  const auto fields = request.headers.find_all("Range");
  // Two fields are no list: nobody sends them, and what they mean is not defined.
  if (request.method != "GET" || fields.size() != 1) return {};
  if (!protocol::range_stands(request.headers.find("If-Range"), facts.etag)) return {};
  return protocol::choose_ranges(fields.front(), facts.size);
}

/// What 200, 206, 304 and 416 have in common.
void add_validators(http::Headers& headers, unsigned status, const FileFacts& facts) {
  headers.add("ETag", facts.etag);
  // A refusal is of this request, not of the file.
  headers.add("Cache-Control", status == 416 ? "no-store" : facts.cache_control);
  headers.add("Accept-Ranges", "bytes");
}

void add_representation(http::Headers& headers, const http::RequestHead& request, const FileFacts& facts) {
  if (facts.disposition) headers.add("Content-Disposition", *facts.disposition);
  if (!facts.sandbox.empty()) headers.add("Content-Security-Policy", std::string(facts.sandbox));
  if (!facts.sha256_base64) return;
  headers.add("Repr-Digest", "sha-256=:" + *facts.sha256_base64 + ":");
  if (request.headers.find("Want-Digest")) headers.add("Digest", "SHA-256=" + *facts.sha256_base64);
}

FileAnswer without_body(unsigned status, std::uint64_t length, const FileFacts& facts) {
  FileAnswer out;
  out.head.status = status;
  out.length = length;
  add_validators(out.head.headers, status, facts);
  return out;
}

void add_parts(FileAnswer& out, const std::vector<Range>& ranges, const FileFacts& facts, std::string_view boundary) {
  const std::string line = "\r\n--" + std::string(boundary);
  for (const Range& range : ranges) {
    out.parts.push_back({line + "\r\nContent-Type: " + facts.media_type +
                             "\r\nContent-Range: " + protocol::format_content_range(range, facts.size) + "\r\n\r\n",
                         range});
  }
  out.parts.push_back({line + "--\r\n", {}});
}

}  // namespace

FileAnswer plan_answer(const http::RequestHead& request, const FileFacts& facts, std::string_view boundary) {
  const protocol::Conditions conditions{request.headers.find_all("If-Match"),
                                        request.headers.find_all("If-None-Match")};
  switch (protocol::judge(conditions, facts.etag, facts.former)) {
    case protocol::Precondition::failed:
      return without_body(412, 0, facts);
    case protocol::Precondition::not_modified:
      return without_body(304, facts.size, facts);
    case protocol::Precondition::holds:
      break;
  }
  const protocol::RangeChoice choice = range_choice(request, facts);
  FileAnswer out = without_body(choice.kind == Kind::whole ? 200 : choice.kind == Kind::parts ? 206 : 416, 0, facts);
  if (choice.kind == Kind::unsatisfiable) {
    out.head.headers.add("Content-Range", "bytes */" + std::to_string(facts.size));
    return out;
  }
  add_representation(out.head.headers, request, facts);
  if (choice.parts.size() > 1) {
    out.head.headers.add("Content-Type", "multipart/byteranges; boundary=" + std::string(boundary));
    add_parts(out, choice.parts, facts, boundary);
  } else {
    const Range range = choice.parts.empty() ? Range{0, facts.size} : choice.parts.front();
    out.head.headers.add("Content-Type", facts.media_type);
    if (choice.kind == Kind::parts)
      out.head.headers.add("Content-Range", protocol::format_content_range(range, facts.size));
    out.parts.push_back({{}, range});
  }
  for (const AnswerPart& part : out.parts) out.length += part.before.size() + part.range.size();
  if (request.method == "HEAD") out.parts.clear();
  return out;
}

}  // namespace holdfast::gateway
