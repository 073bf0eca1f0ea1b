#pragma once

#include <string_view>

/// The built-in dashboard: cmake/embed_page.cmake makes the source of these from page.html.
namespace admin::page {

extern const std::string_view kHtml;
/// Content-Security-Policy: allows only the page's own style and script, and connections to its origin.
extern const std::string_view kPolicy;
/// ETag: different for each text of the page.
extern const std::string_view kTag;

}  // namespace admin::page
