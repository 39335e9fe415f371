#include "holdfast/cli/curl_library.h"

#include <dlfcn.h>

namespace holdfast::cli {
namespace {

constexpr const char* kName = "libcurl.so.4";

template <class F>
bool find(void* library, const char* name, F& out) {
  out = reinterpret_cast<F>(dlsym(library, name));
  return out != nullptr;
}

Result<CurlLibrary> load_all() {
  void* library = dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  CurlLibrary out{};
  if (library != nullptr && find(library, "curl_easy_init", out.easy_init) &&
      find(library, "curl_easy_cleanup", out.easy_cleanup) && find(library, "curl_easy_setopt", out.easy_setopt) &&
      find(library, "curl_easy_perform", out.easy_perform) && find(library, "curl_easy_strerror", out.easy_strerror) &&
      find(library, "curl_slist_append", out.slist_append) &&
      find(library, "curl_slist_free_all", out.slist_free_all)) {
    return out;
  }
  const char* reason = dlerror();
  return fail(Errc::unsupported, std::string(kName) + " cannot be loaded; install the package libcurl4" +
                                     (reason != nullptr ? std::string(" (") + reason + ")" : ""));
}

}  // namespace

Result<const CurlLibrary*> CurlLibrary::load() {
  static const Result<CurlLibrary> loaded = load_all();
  if (!loaded) return tl::make_unexpected(loaded.error());
  return &*loaded;
}

}  // namespace holdfast::cli
