// Runs the fuzzers' functions without libFuzzer, with any compiler: on every file of the seed corpora and every prefix
// of it, or on files that a fuzzer has found. A failing input aborts; the file that it belongs to is the last one
// named.
//
//   fuzz_replay CORPORA                 a folder with one folder per fuzzer
//   fuzz_replay NAME FILE...
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

// The list is CMake's: each NAME_fuzz.cpp is compiled with its function called NAME_input.
#define FUZZER(name) extern "C" int name##_input(const std::uint8_t* data, std::size_t size);
#include <fuzzers.inc>
#undef FUZZER

namespace {

struct Fuzzer {
  std::string_view name;
  int (*input)(const std::uint8_t*, std::size_t);
};

constexpr Fuzzer kFuzzers[] = {
#define FUZZER(name) {#name, &name##_input},
#include <fuzzers.inc>
#undef FUZZER
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void run(const Fuzzer& fuzzer, const std::string& bytes) {
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  fuzzer.input(exact.data(), exact.size());
}

/// @return how many inputs it has run
std::size_t run_with_beginnings(const Fuzzer& fuzzer, const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  std::printf("%s\n", path.c_str());
  std::fflush(stdout);
  for (std::size_t end = 0; end <= bytes.size(); ++end) run(fuzzer, bytes.substr(0, end));
  return bytes.size() + 1;
}

int replay_corpora(const std::filesystem::path& corpora) {
  for (const Fuzzer& fuzzer : kFuzzers) {
    std::size_t inputs = 0, files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(corpora / fuzzer.name)) {
      inputs += run_with_beginnings(fuzzer, entry.path());
      ++files;
    }
    std::printf("%s: %zu files, %zu inputs\n", std::string(fuzzer.name).c_str(), files, inputs);
    if (files == 0) return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() == 1) return replay_corpora(words[0]);
  for (const Fuzzer& fuzzer : kFuzzers) {
    if (words.size() < 2 || fuzzer.name != words[0]) continue;
    for (std::size_t i = 1; i < words.size(); ++i) run(fuzzer, read_file(words[i]));
    return 0;
  }
  std::fprintf(stderr, "fuzz_replay CORPORA, or fuzz_replay NAME FILE...; NAME is one of:");
  for (const Fuzzer& fuzzer : kFuzzers) std::fprintf(stderr, " %s", std::string(fuzzer.name).c_str());
  std::fprintf(stderr, "\n");
  return 64;
}
