// libcurl, loaded when somebody asks for it: linked, it and the two dozen libraries that it wants would take as long to load as all
// else, at each start of each command, for one command that few people run.
#pragma once

#include <curl/curl.h>

#include "holdfast/core/base/result.h"

namespace holdfast::cli {

/// The functions of it that are used here, by the names that they have behind "curl_". Loaded once, and never unloaded.
struct CurlLibrary {
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_perform) easy_perform;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;

  /// Errors: unsupported (it is not installed).
  static Result<const CurlLibrary*> load();
};

}  // namespace holdfast::cli
