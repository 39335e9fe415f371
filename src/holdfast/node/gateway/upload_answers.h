// What the answers of all upload dialects have in common.
#pragma once

#include "holdfast/node/gateway/upload_handles.h"
#include "holdfast/node/gateway/web_routes.h"

namespace holdfast::gateway {

/// What dialects work with. Outlives every request.
struct UploadDesk {
  UploadHandles& handles;
  SharedState& shared;
  std::string public_url;  // "https://files.example/"; empty: what the request says
  bool tls = false;        // of the listener
  io::Duration commit_wait = std::chrono::seconds(30);
};

inline constexpr std::string_view kTusVersion = "1.0.0";
inline constexpr std::string_view kTusMedia = "application/offset+octet-stream";
inline constexpr std::string_view kPartialMedia = "application/partial-upload";

/// Absolute: a relative one is resolved wrongly by too many clients.
std::string upload_url(const UploadDesk& desk, const http::Exchange& exchange, const UploadHandle& handle);
std::string file_url(const UploadDesk& desk, const http::Exchange& exchange, const std::string& cap);
/// Where the state of an upload is told.
std::string status_url(const UploadDesk& desk, const http::Exchange& exchange, const UploadHandle& handle);

/// The field, when it is there exactly once: one that comes twice could be read in two ways, and says nothing.
std::optional<std::string_view> single_field(const http::Exchange& exchange, std::string_view name);
bool has_field(const http::Exchange& exchange, std::string_view name);
/// Without parameters, in lower case.
std::string media_type_of_body(const http::Exchange& exchange);
bool has_body(const http::Exchange& exchange);
/// Nothing when it comes in chunks.
std::optional<std::uint64_t> body_length(const http::Exchange& exchange);

/// `name: value` with what every answer carries; never cached.
io::Task<void> answer(http::Exchange& exchange, unsigned status, http::Headers headers, std::string body = "",
                      std::string type = "text/plain;charset=utf-8");
/// A problem document (RFC 9457); `type` is that of the IETF draft, or empty.
io::Task<void> answer_problem(http::Exchange& exchange, unsigned status, std::string_view type, std::string_view title,
                              http::Headers headers);
/// 404 or 410 for an upload that is not there any more; null: there never was one.
io::Task<void> answer_gone(http::Exchange& exchange, UploadHandlePtr handle, http::Headers headers);

/// To who wants it to end: 204, when it has ended for good; 500, when it has not yet and it is to be asked for again.
io::Task<void> answer_cancelled(const UploadDesk& desk, http::Exchange& exchange, UploadHandlePtr handle,
                                http::Headers headers);

/// The state as JSON: for the page, and for whoever waits.
std::string state_json(const UploadDesk& desk, const UploadHandle& handle);
/// Of one that is not whole, if the request wants `Repr-Digest` of what is held.
io::Task<std::optional<UploadHandles::Prefix>> wanted_prefix(const UploadDesk& desk, const http::Exchange& exchange,
                                                             UploadHandlePtr handle);
/// `Repr-Digest` of exactly as many bytes as `Upload-Offset` tells, or nothing.
void add_prefix(http::Headers& headers, const std::optional<UploadHandles::Prefix>& prefix, const UploadHandle& handle);
/// `Repr-Digest` and `Holdfast-Upload-State` of an upload that is whole.
void add_state(http::Headers& headers, const UploadDesk& desk, const http::Exchange& exchange,
               const UploadHandle& handle);

}  // namespace holdfast::gateway
