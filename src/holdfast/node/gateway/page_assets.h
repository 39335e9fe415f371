// The files of the page as they are in the binary. web/build.mjs makes the .cc of it from web/.
#pragma once

#include <string_view>
#include <vector>

namespace holdfast::gateway {

struct PageAsset {
  std::string_view name;  // "index.html", "sign-in.html"; all that they load has a hash of its content in the name
  std::string_view media_type;
  std::string_view tag;  // of the content, unquoted
  std::string_view content;
  std::string_view zipped;  // the same, by gzip
};

const std::vector<PageAsset>& page_assets();

}  // namespace holdfast::gateway
