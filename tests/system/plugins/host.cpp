#include <prefork/sealed.hpp>
#include <prefork/service.hpp>
#include <string>

namespace {

/// Hosts an application: files that are sealed, and an option whose name the configuration gives.
class Host final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest, const prefork::Given& given) {
    manifest.text("app", "", "The application: a file or a folder.");
    manifest.text("declares", "", "The name of an option that it has.");
    if (const auto app = given.text("app")) manifest.seal(*app);
    if (const auto name = given.text("declares")) manifest.integer(*name, 7, "The application's.", {0, 100});
  }

  prefork::Task<void> start(prefork::Context& context) override {
    text_ = "generation " + std::to_string(context.generation());
    const std::string& option = context.options().text("declares");
    if (!option.empty()) text_ += ", " + option + " " + std::to_string(context.options().integer(option));
    for (const auto& name : context.sealed_names()) text_ += ", " + name + " " + context.sealed(name).text();
    return {};
  }

  prefork::Task<void> on_connection(prefork::Connection& peer) override {
    while (const auto line = co_await peer.read_line()) {  // g++ 12 needs the name
      if (!co_await peer.write(text_ + "\n")) co_return;
    }
  }

 private:
  std::string text_;
};

}  // namespace

PREFORK_SERVICE(Host)
