#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace services::static_files {

/// A folder that is removed with the test.
class TempFolder {
 public:
  TempFolder() {
    std::string name = std::filesystem::temp_directory_path() / "static-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }

  std::string operator/(const std::string& name) const { return path_ / name; }
  std::string path() const { return path_; }
  /// Writes a file whose mtime says that it was last changed `age_s` seconds ago.
  void write(const std::string& name, const std::string& text, long age_s = 1000) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    set_age(name, age_s);
  }
  void set_age(const std::string& name, long age_s) const {
    const timespec time{std::time(nullptr) - age_s, 0};
    const timespec times[2] = {time, time};
    if (::utimensat(AT_FDCWD, (*this / name).c_str(), times, 0) == -1) throw std::runtime_error("utimensat " + name);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace services::static_files
