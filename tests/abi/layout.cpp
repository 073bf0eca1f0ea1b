// Every type of the public headers, for scripts/check_abi.py, which reads their layouts from the debug information of
// this file. Nothing of it runs.
#include <prefork/api.hpp>
#include <prefork/blocking_service.hpp>
#include <prefork/channel.hpp>
#include <prefork/connection.hpp>
#include <prefork/context.hpp>
#include <prefork/datagram.hpp>
#include <prefork/event.hpp>
#include <prefork/forever.hpp>
#include <prefork/http.hpp>
#include <prefork/http/body_writer.hpp>
#include <prefork/http/conditional.hpp>
#include <prefork/http/cookie.hpp>
#include <prefork/http/error.hpp>
#include <prefork/http/event_stream.hpp>
#include <prefork/http/file_handle.hpp>
#include <prefork/http/form.hpp>
#include <prefork/http/json.hpp>
#include <prefork/http/method.hpp>
#include <prefork/http/negotiation.hpp>
#include <prefork/http/range.hpp>
#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>
#include <prefork/http/router.hpp>
#include <prefork/http/send_file.hpp>
#include <prefork/http/service.hpp>
#include <prefork/http/status.hpp>
#include <prefork/http/web_socket.hpp>
#include <prefork/json.hpp>
#include <prefork/manifest.hpp>
#include <prefork/master.hpp>
#include <prefork/metrics.hpp>
#include <prefork/outcome.hpp>
#include <prefork/plugin.hpp>
#include <prefork/queue.hpp>
#include <prefork/semaphore.hpp>
#include <prefork/service.hpp>
#include <prefork/shared.hpp>
#include <prefork/signal.hpp>
#include <prefork/table.hpp>
#include <prefork/task.hpp>
#include <prefork/topic.hpp>

namespace {

// Templates have a layout once they are used.
template <class... T>
constexpr bool complete = (... && (sizeof(T) > 0));
static_assert(complete<prefork::Outcome<prefork::Message>, prefork::Outcome<prefork::Publication>,
                       prefork::Outcome<prefork::Permit>, prefork::Outcome<std::string_view>, prefork::Outcome<void>,
                       prefork::Outcome<prefork::Row, prefork::TableStatus>, prefork::Task<void>,
                       prefork::Task<prefork::PutStatus>, prefork::detail::Promise<void>,
                       prefork::detail::Promise<prefork::PutStatus>>);

}  // namespace
