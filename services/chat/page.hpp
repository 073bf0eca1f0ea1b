#pragma once

#include <string_view>

/// The page as it was built in: cmake/embed_page.cmake makes the source of these from page.html.
namespace chat::page {

extern const std::string_view kHtml;
/// Content-Security-Policy: nothing but the page's own style and script, and connections to where it came from.
extern const std::string_view kPolicy;
/// ETag: different for each text of the page.
extern const std::string_view kTag;

}  // namespace chat::page
