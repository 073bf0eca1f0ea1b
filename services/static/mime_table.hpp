#pragma once

#include <array>
#include <string_view>

namespace services::static_files {

/// The media types that web sites consist of, in the form of /etc/mime.types.
inline constexpr std::string_view kCommonTypes = R"(
text/html                              html htm
text/css                               css
text/javascript                        js mjs
text/plain                             txt text log conf ini md
text/markdown                          markdown
text/csv                               csv
text/calendar                          ics
text/vcard                             vcf
text/vtt                               vtt
application/json                       json map
application/ld+json                    jsonld
application/geo+json                   geojson
application/manifest+json              webmanifest
application/xml                        xml xsl
application/xhtml+xml                  xhtml
application/rss+xml                    rss
application/atom+xml                   atom
application/wasm                       wasm
application/pdf                        pdf
application/rtf                        rtf
application/epub+zip                   epub
application/zip                        zip
application/gzip                       gz tgz
application/x-bzip2                    bz2
application/x-xz                       xz
application/zstd                       zst
application/x-7z-compressed            7z
application/vnd.rar                    rar
application/x-tar                      tar
application/java-archive               jar
application/octet-stream               bin iso img dmg exe msi deb rpm
application/vnd.android.package-archive  apk
application/msword                     doc
application/vnd.ms-excel               xls
application/vnd.ms-powerpoint          ppt
application/vnd.openxmlformats-officedocument.wordprocessingml.document    docx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet          xlsx
application/vnd.openxmlformats-officedocument.presentationml.presentation  pptx
application/vnd.oasis.opendocument.text          odt
application/vnd.oasis.opendocument.spreadsheet   ods
application/vnd.oasis.opendocument.presentation  odp
image/png                              png
image/apng                             apng
image/jpeg                             jpg jpeg
image/gif                              gif
image/webp                             webp
image/avif                             avif
image/svg+xml                          svg
image/bmp                              bmp
image/tiff                             tif tiff
image/vnd.microsoft.icon               ico
font/woff                              woff
font/woff2                             woff2
font/ttf                               ttf
font/otf                               otf
application/vnd.ms-fontobject          eot
audio/mpeg                             mp3
audio/mp4                              m4a
audio/aac                              aac
audio/ogg                              oga ogg
audio/opus                             opus
audio/flac                             flac
audio/wav                              wav
audio/midi                             mid midi
video/mp4                              mp4 m4v
video/webm                             webm
video/ogg                              ogv
video/quicktime                        mov
video/x-msvideo                        avi
video/x-matroska                       mkv
video/mp2t                             ts
application/vnd.apple.mpegurl          m3u8
application/dash+xml                   mpd
)";

/// Besides text/*, +xml and +json.
inline constexpr std::array<std::string_view, 12> kCompressible = {
    "application/json", "application/xml",   "application/javascript",   "application/wasm",
    "application/rtf",  "image/bmp",         "image/vnd.microsoft.icon", "font/ttf",
    "font/otf",         "application/x-tar", "application/sql",          "application/vnd.ms-fontobject"};

}  // namespace services::static_files
