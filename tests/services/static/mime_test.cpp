#include "services/static/mime.hpp"

#include <gtest/gtest.h>

namespace services::static_files {
namespace {

TEST(MimeTypes, KnowsTheCommonOnes) {
  const MimeTypes types;
  EXPECT_EQ(types.of("index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(types.of("a.b/INDEX.HTM"), "text/html; charset=utf-8");
  EXPECT_EQ(types.of("app.min.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(types.of("a.css"), "text/css; charset=utf-8");
  EXPECT_EQ(types.of("a.json"), "application/json");
  EXPECT_EQ(types.of("a.svg"), "image/svg+xml");
  EXPECT_EQ(types.of("a.wasm"), "application/wasm");
  EXPECT_EQ(types.of("a.tar.gz"), "application/gzip");
  for (const char* path : {"", "a", "a.", "a.nothing", "html", "a.html/b", ".html/"})
    EXPECT_EQ(types.of(path), "application/octet-stream") << path;
}

TEST(MimeTypes, ReadsTables) {
  MimeTypes types;
  const std::string table =
      "# comment x\n\ntext/x-a  aa AB # c d\napplication/x-ts ts\nnonsense e\na/b\x01 f\nimage/x-g\n";
  types.add(table, false);
  EXPECT_EQ(types.of("x.aa"), "text/x-a; charset=utf-8");
  EXPECT_EQ(types.of("x.ab"), "text/x-a; charset=utf-8");
  EXPECT_EQ(types.of("x.ts"), "video/mp2t") << "ours stays";
  for (const char* path : {"x.c", "x.d", "x.e", "x.f"}) EXPECT_EQ(types.of(path), "application/octet-stream") << path;
  types.add(table, true);
  EXPECT_EQ(types.of("x.ts"), "application/x-ts");
  EXPECT_FALSE(types.add_file("/nonexistent/mime.types", true));
}

TEST(IsCompressible, KnowsText) {
  for (const char* type : {"text/html; charset=utf-8", "text/x", "application/json", "image/svg+xml",
                           "application/wasm", "application/ld+json"})
    EXPECT_TRUE(is_compressible(type)) << type;
  for (const char* type : {"image/png", "application/octet-stream", "font/woff2", "video/mp4", "application/zip", ""})
    EXPECT_FALSE(is_compressible(type)) << type;
}

}  // namespace
}  // namespace services::static_files
