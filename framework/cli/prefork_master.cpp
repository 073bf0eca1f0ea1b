#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "framework/base/visible.hpp"
#include "framework/cli/daemon.hpp"
#include "framework/cli/forks.hpp"
#include "framework/cli/lost_request.hpp"
#include "framework/cli/process_title.hpp"
#include "framework/cli/standard_streams.hpp"
#include "framework/cli/start_deadline.hpp"
#include "framework/cli/version.hpp"
#include "framework/cli/wiring.hpp"
#include "framework/config/config_error.hpp"
#include "framework/config/findings.hpp"
#include "framework/config/listen.hpp"
#include "framework/config/load.hpp"
#include "framework/config/plugin_report.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/secret.hpp"
#include "framework/http/routing/endpoint.hpp"
#include "framework/master/generation/generation.hpp"
#include "framework/master/generation/inherited_sockets.hpp"
#include "framework/master/generation/probe.hpp"
#include "framework/master/log/log.hpp"
#include "framework/master/log/log_settings.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "framework/master/master.hpp"
#include "framework/master/pid_file.hpp"
#include "framework/master/upgrade/adoption.hpp"
#include "framework/master/upgrade/upgrade_trial.hpp"
#include "ipc/posix/syscall.hpp"

extern char** environ;

namespace {

namespace po = boost::program_options;
using namespace prefork;

struct Arguments {
  config::Sources sources;
  std::string describe;
  int verify_handover = -1;
  bool test = false;
  bool print = false;
  bool daemon = false;
  bool help = false;
  bool help_config = false;
  bool version = false;
};

po::options_description describe_arguments(Arguments& arguments, std::string& file, std::string& plugin) {
  po::options_description table("Options");
  auto add = table.add_options();
  add("config,c", po::value(&file)->value_name("FILE"), "the configuration file");
  add("plugin", po::value(&plugin)->value_name("PLUGIN"), "without a file: serve this one plugin");
  add("listen", po::value(&arguments.sources.listen)->value_name("ADDRESS")->composing(),
      "with --plugin: the address to listen on; can be repeated");
  add(",o", po::value(&arguments.sources.overrides)->value_name("KEY=VALUE")->composing(),
      "set section.name.key=value, overriding the file; with --plugin also key=value");
  add(",t", po::bool_switch(&arguments.test), "test the configuration and every plugin in it");
  add(",T", po::bool_switch(&arguments.print), "test, and print the effective configuration");
  add("daemon", po::bool_switch(&arguments.daemon), "serve in the background; return once the server is ready");
  add("describe", po::value(&arguments.describe)->value_name("PLUGIN"), "print what a plugin is, and its options");
  add("help,h", po::bool_switch(&arguments.help), "print this help");
  add("help-config", po::bool_switch(&arguments.help_config), "print every key of the configuration");
  add("version,V", po::bool_switch(&arguments.version), "print the version");
  return table;
}

Arguments read_arguments(int argc, char** argv, std::string& usage) {
  Arguments arguments;
  std::string file, plugin;
  const po::options_description table = describe_arguments(arguments, file, plugin);
  po::options_description all;  // one option is not for people
  all.add(table).add_options()("verify-handover", po::value(&arguments.verify_handover));
  usage =
      "Usage: prefork-master -c FILE [-o KEY=VALUE]... [-t | -T | --daemon]\n"
      "       prefork-master --plugin PLUGIN --listen ADDRESS... [-o KEY=VALUE]...\n"
      "       prefork-master --describe PLUGIN\n\n";
  std::ostringstream text;
  text << table;
  usage += text.str();
  po::variables_map values;
  po::store(po::command_line_parser(argc, argv).options(all).positional({}).run(), values);
  po::notify(values);
  if (values.count("config") > 0) arguments.sources.config_file = file;
  if (values.count("plugin") > 0) arguments.sources.plugin = plugin;
  for (char** variable = environ; *variable != nullptr; ++variable)
    arguments.sources.environment.emplace_back(*variable);
  return arguments;
}

std::string default_plugin_path() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) ipc::throw_errno(error.value(), "readlink /proc/self/exe");
  const auto root = program.parent_path().parent_path();
  return (root / "plugins").string() + ":" + (root / cli::kLibraryFolder / "prefork/plugins").string();
}

// Signals that come before there is a master must wait for it: each of them would end the process. For the first
// process of a container the kernel drops signals that would end it unless they are blocked, so blocking keeps them
// there too. Other processes' children that are passed to it are reaped by the master, which must get SIGCHLD for them.
void hold_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&set, signal);
  if (::getpid() == 1) {
    for (const int signal : {SIGTERM, SIGQUIT, SIGINT, SIGCHLD}) sigaddset(&set, signal);
  }
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

void prepare_process() {
  cli::detach_standard_input();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int print(const std::string& text) { return cli::print("prefork-master", text); }

int describe(const Arguments& arguments, cli::Forks& forks) {
  std::string path = default_plugin_path();
  const master::SealedPlugin plugin = master::seal_plugin(arguments.describe, path, forks.inspector());
  return print(config::describe_report(plugin.report, arguments.describe));
}

config::Options load(const Arguments& arguments) {
  config::Options options = config::load(arguments.sources);
  if (options.master.plugin_path.empty()) options.master.plugin_path = default_plugin_path();
  return options;
}

// Services share a listener by their places on it.
std::string object_to_sharing(const master::Generation& generation, const config::ServiceOptions& first,
                              const config::ServiceOptions& second) {
  std::vector<http::Place> places;
  for (const config::ServiceOptions* service : {&first, &second}) {
    const auto index = static_cast<std::size_t>(service - generation.options.services.data());
    const std::string* const mount = master::value_of(generation, index, OptionRole::place_mount);
    const std::string* const host = master::value_of(generation, index, OptionRole::place_host);
    if (mount == nullptr || host == nullptr) return ", and only HTTP services can share an address";
    places.emplace_back(*mount, http::HostNames(*host));
  }
  return http::same_place(places[0], places[1]) ? ", with the same mount and host" : "";
}

void refuse_shared_listeners(const master::Generation& generation) {
  config::check_shared_listeners(generation.options.services, [&](const auto& first, const auto& second) {
    return object_to_sharing(generation, first, second);
  });
}

// Checks that need all plugins to be known.
void refuse_the_rest(const master::Generation& generation, cli::Forks& forks,
                     const std::optional<std::string>& only = {}) {
  config::Findings found;
  found.note([&] { refuse_shared_listeners(generation); });
  found.note([&] { cli::rehearse_isolation(generation, forks.rehearser(), only); });
  found.throw_if_any();
}

/// While it lives, that folder is the working directory; an empty one changes nothing. A program that takes over in an
/// upgrade reads its arguments in the folder where the server was started.
class InFolder {
 public:
  explicit InFolder(const std::string& folder) : before_(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    if (!folder.empty()) ipc::check_syscall(::chdir(folder.c_str()), "chdir " + folder);
  }
  InFolder(const InFolder&) = delete;
  InFolder& operator=(const InFolder&) = delete;
  ~InFolder() { [[maybe_unused]] const int result = ::fchdir(before_.get()); }

 private:
  ipc::UniqueFd before_;
};

master::Generation prepare(config::Options options, cli::Forks& forks) {
  const InFolder here(options.folder);
  forks.server().withhold(config::secret_variables(options));
  forks.server().begin();
  master::Generation generation = master::prepare_generation(std::move(options), 1, forks.inspector());
  refuse_the_rest(generation, forks);
  return generation;
}

master::Generation prepare_again(const Arguments& arguments, cli::Forks& forks, const master::Generation& running,
                                 unsigned number, const std::optional<std::string>& only) {
  config::Options options = load(arguments);
  const InFolder here(options.folder);
  if (only) options = master::with_pool_of(running.options, options, *only);
  forks.server().withhold(config::secret_variables(options));
  master::Generation generation =
      master::prepare_generation(std::move(options), number, forks.inspector(), master::Running{running, only});
  refuse_the_rest(generation, forks, only);
  return generation;
}

// How long a start may wait for a writer of a FIFO or for a name server.
constexpr std::chrono::seconds kStartErrand{30};
constexpr std::chrono::seconds kTrialErrand{10};

std::string for_stderr(const std::string& sentence) { return "prefork-master: " + sentence + "\n"; }

std::string for_upgrader(const std::string& sentence) { return master::upgrade_no(EX_TEMPFAIL, sentence); }

master::Generation prepare_in_time(const Arguments& arguments, cli::Forks& forks) {
  const cli::StartDeadline deadline(kStartErrand, STDERR_FILENO, &for_stderr);
  return prepare(load(arguments), forks);
}

/// Asks the plugins again, since there may be no generation.
/// @return for each service the name of its option that names a log file; empty: none, or its plugin can't be asked
std::vector<std::string> log_options(const config::Options& options, cli::Forks& forks) {
  std::vector<std::string> names(options.services.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    config::Findings told_before;
    told_before.note([&] {
      const std::string& name = options.services[i].plugin;
      const master::SealedPlugin plugin = master::seal_plugin(name, options.master.plugin_path, forks.inspector());
      const OptionSpec* log = config::option_of(plugin.report, OptionRole::log_file);
      if (log != nullptr) names[i] = log->name;
    });
  }
  return names;
}

/// @throws config::ConfigError: everything that is wrong
master::Generation prepare_and_probe(const Arguments& arguments, cli::Forks& forks) {
  const cli::StartDeadline deadline(kStartErrand, STDERR_FILENO, &for_stderr);
  const config::Options options = load(arguments);
  const InFolder here(options.folder);
  std::optional<master::Generation> generation;
  config::Findings found;
  found.note([&] { generation = prepare(options, forks); });
  found.note([&] { master::probe_addresses(options); });
  found.note([&] { master::probe_files(options, log_options(options, forks)); });
  found.throw_if_any();
  return std::move(*generation);
}

int test(const Arguments& arguments, cli::Forks& forks) {
  const master::Generation generation = prepare_and_probe(arguments, forks);
  for (const auto& warning : generation.warnings) {
    std::fprintf(stderr, "prefork-master: warning: %s\n", base::visible(warning).c_str());
  }
  config::DeclaredOptions declared;
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const master::SealedPlugin& plugin = *generation.plugins[generation.services[i].plugin];
    declared[generation.options.services[i].name] = plugin.report.options;
  }
  if (arguments.print) {
    if (const int failed = print(config::dump(generation.options, declared)); failed != 0) return failed;
  }
  for (const auto& note : generation.options.notes) std::fprintf(stderr, "prefork-master: %s\n", note.c_str());
  const std::size_t services = generation.options.services.size();
  const std::size_t pools = generation.options.pools.size();
  std::fprintf(stderr, "prefork-master: the configuration is good: %zu service%s, %zu pool%s\n", services,
               services == 1 ? "" : "s", pools, pools == 1 ? "" : "s");
  return 0;
}

/// What the service manager gives only to the master: no child finds it in its environment.
struct FromManager {
  master::InheritedSockets sockets = master::InheritedSockets::take_environment();
  master::Notifier::Setup notify = master::Notifier::take_environment();
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::unique_ptr<master::ListenerSet> bind_listeners(const config::Options& options,
                                                    master::InheritedSockets& inherited) {
  const cli::StartDeadline deadline(kStartErrand, STDERR_FILENO, &for_stderr);
  try {
    return std::make_unique<master::ListenerSet>(options, nullptr, &inherited);
  } catch (const master::StartupError& error) {
    const std::string unused = joined(inherited.unused());
    if (unused.empty()) throw;
    throw master::StartupError(error.exit_code(),
                               std::string(error.what()) + " (inherited and not used: " + unused + ")");
  }
}

void refuse_logs_to_stderr(const master::Generation& generation) {
  const auto refuse = [](const std::string& what) {
    throw config::ConfigError(what + " goes to standard error, which --daemon closes: give a file");
  };
  if (generation.options.master.log == "stderr") refuse("log in [master]");
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const std::string* const log = master::value_of(generation, i, OptionRole::log_file);
    if (log == nullptr || *log != "stderr") continue;
    const config::PluginReport& report = generation.plugins[generation.services[i].plugin]->report;
    const std::string& option = config::option_of(report, OptionRole::log_file)->name;
    refuse(option + " in [service " + generation.options.services[i].name + "]");
  }
}

// The starting process waits as long as the workers of the slowest pool may take, and once more for those that are
// retried.
std::chrono::milliseconds start_patience(const config::Options& options) {
  std::chrono::milliseconds patience{0};
  for (const auto& pool : options.pools) patience = std::max(patience, pool.boot_timeout);
  return 2 * patience + std::chrono::seconds(1);
}

// The daemon's working directory is /: relative paths in the configuration are resolved against it now and in reloads.
Arguments for_daemon(Arguments arguments) {
  auto& file = arguments.sources.config_file;
  if (file) file = (config::working_folder() / *file).string();
  ipc::check_syscall(::chdir("/"), "chdir /");
  return arguments;
}

master::Master::Setup setup_for(const Arguments& arguments, cli::Forks& forks, const master::Program& program,
                                master::Notifier::Setup notify) {
  master::Master::Setup setup;
  setup.prepare_again = [&arguments, &forks](const master::Generation& running, unsigned number,
                                             const std::optional<std::string>& only) {
    forks.server().begin_anew();
    return prepare_again(arguments, forks, running, number, only);
  };
  setup.config_file = arguments.sources.config_file.value_or("");
  setup.version = cli::kVersion;
  setup.notify = std::move(notify);
  setup.program = program;
  setup.lost_request_line = &cli::lost_request_line;
  return setup;
}

int run_master(master::Master& master, master::Log& log, bool has_no_streams) {
  try {
    return master.run();
  } catch (const std::exception& error) {
    if (has_no_streams) log.error(std::string("the master ends: ") + error.what());
    throw;
  }
}

int serve(const Arguments& given, const master::Program& program, FromManager manager, cli::Daemon& daemon) {
  cli::Forks forks;
  hold_signals();
  if (given.daemon) daemon.note_inherited(manager.sockets.descriptors());
  prepare_process();
  const Arguments arguments = given.daemon ? for_daemon(given) : given;
  master::Generation generation = prepare_in_time(arguments, forks);
  if (arguments.daemon) {
    refuse_logs_to_stderr(generation);
    daemon.begin(start_patience(generation.options));
    manager.notify.tells_pid = true;
    manager.notify.on_ready = [&daemon] { daemon.ready(); };
  }
  const config::MasterOptions options = generation.options.master;
  master::PidFile pid_file(options.pid_file);
  generation.listeners = bind_listeners(generation.options, manager.sockets);
  master::Log log(master::log_settings(options));
  for (const auto& socket : std::exchange(manager.sockets, {}).unused()) {
    log.warning("inherited, but no listen names it: " + socket + "; it is closed");
  }
  master::Master::Setup setup = setup_for(arguments, forks, program, std::move(manager.notify));
  setup.generation = std::move(generation);
  setup.pid_file = &pid_file;
  master::Master master(std::move(setup), log, forks.server(), forks.worker());
  return run_master(master, log, daemon.begun());
}

enum class GoOn { try_only, for_good };

// What the service manager had given to the previous program, which took it out of the environment.
master::Notifier::Setup handed_notify(const master::Handover& state) {
  master::Notifier::Setup notify;
  notify.socket = state.notify_socket;
  notify.tells_pid = state.tells_pid;
  notify.was_ready = state.was_ready;
  if (state.watchdog_us > 0) notify.watchdog = std::chrono::microseconds(state.watchdog_us);
  return notify;
}

/// Takes the place of the program that has handed over `state`, or only tries everything that this needs.
int go_on(const Arguments& given, const master::Program& program, int state, GoOn how) {
  cli::Forks forks;
  hold_signals();
  prepare_process();
  const Arguments arguments = given.daemon ? for_daemon(given) : given;
  auto adopted = std::make_unique<master::Adoption>(master::adopt(ipc::UniqueFd(state)));
  const config::Options& options = adopted->generations.front()->options;
  master::PidFile pid_file(options.master.pid_file, ipc::UniqueFd(adopted->state.pid_file), adopted->state.master);
  for (const auto& generation : adopted->generations) {
    forks.server().withhold(config::secret_variables(generation->options));
  }
  // Present workers continue with what they have; the next reload needs what is written now.
  if (how == GoOn::try_only) {
    const cli::StartDeadline deadline(kTrialErrand, STDOUT_FILENO, &for_upgrader);
    master::refuse_master_changes(options, prepare(load(arguments), forks).options);
  }
  master::Log log(master::log_settings(options.master));
  master::Master::Setup setup = setup_for(arguments, forks, program, handed_notify(adopted->state));
  setup.pid_file = &pid_file;
  setup.adopted = std::move(adopted);
  master::Master master(std::move(setup), log, forks.server(), forks.worker());
  if (how == GoOn::for_good) return run_master(master, log, given.daemon);
  std::fputs(master::upgrade_yes(cli::kVersion).c_str(), stdout);
  std::fflush(stdout);
  ::_exit(0);
}

// The path of the program, at which a version installed later is found: its link in /proc would lead to the file that
// was there at the start.
std::string own_path(const std::string& name) {
  std::error_code error;
  if (name.find('/') != std::string::npos) return std::filesystem::absolute(name, error).string();
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = std::filesystem::absolute(folder + "/" + name, error).string();
    if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

master::Program own_program(int argc, char** argv, bool is_daemon) {
  master::Program program{own_path(argc > 0 ? argv[0] : ""), {}, {}};
  for (int i = 1; i < argc; ++i) {
    if (!std::string(argv[i]).starts_with(master::kVerifyOption)) program.arguments.emplace_back(argv[i]);
  }
  std::error_code error;
  if (is_daemon) program.folder = std::filesystem::current_path(error).string();
  return program;
}

/// @return the state that this very process has handed over to itself; -1: this is a normal start
int handed_over_state() {
  const char* value = std::getenv(master::kTakeOverVariable);
  int state = -1;
  pid_t pid = -1;
  const bool is_own = value != nullptr && std::sscanf(value, "%d:%d", &state, &pid) == 2 && pid == ::getpid();
  ::unsetenv(master::kTakeOverVariable);
  return is_own ? state : -1;
}

/// @return -1: this process is not the fork server
int fork_server_socket(int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  const std::string_view option = master::kForkServerOption;
  return word.starts_with(option) ? std::atoi(argv[1] + option.size()) : -1;
}

int run(const Arguments& arguments, const std::string& usage, const master::Program& program, int state,
        cli::Daemon& daemon) {
  if (state >= 0) return go_on(arguments, program, state, GoOn::for_good);
  if (arguments.verify_handover >= 0) return go_on(arguments, program, arguments.verify_handover, GoOn::try_only);
  FromManager manager;
  if (arguments.help) return print(usage);
  if (arguments.help_config) return print(config::key_help());
  if (arguments.version) return print(std::string("prefork-master ") + cli::kVersion + "\n");
  cli::Forks forks;
  if (!arguments.describe.empty()) return describe(arguments, forks);
  if (arguments.test || arguments.print) return test(arguments, forks);
  return serve(arguments, program, std::move(manager), daemon);
}

}  // namespace

int main(int argc, char** argv) {
  if (const int socket = fork_server_socket(argc, argv); socket >= 0) {
    cli::prepare_process_title(argc, argv);
    cli::run_fork_server(socket);
  }
  ::signal(SIGCHLD, SIG_DFL);  // if it were inherited as ignored, the kernel would reap the children
  cli::Daemon daemon;
  bool on_trial = false;
  const auto fail = [&](const std::string& sentence, int exit_code) {
    if (on_trial) {
      std::fputs(master::upgrade_no(exit_code, config::in_one_line(sentence)).c_str(), stdout);
    } else {
      daemon.fail(sentence, exit_code);
    }
    return exit_code;
  };
  try {
    cli::fill_standard_streams();
    const int state = handed_over_state();
    std::string usage;
    const Arguments arguments = read_arguments(argc, argv, usage);
    on_trial = arguments.verify_handover >= 0;
    return run(arguments, usage, own_program(argc, argv, arguments.daemon), state, daemon);
  } catch (const po::error& error) {
    return fail(std::string(error.what()) + " (see --help)", EX_USAGE);
  } catch (const config::ConfigError& error) {
    return fail(error.what(), error.exit_code());
  } catch (const std::system_error& error) {
    const bool denied =
        error.code() == std::errc::permission_denied || error.code() == std::errc::operation_not_permitted;
    return fail(error.what(), denied ? EX_NOPERM : EX_OSERR);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", EX_OSERR);
  } catch (const std::exception& error) {
    return fail(error.what(), EX_SOFTWARE);
  }
}
