#include "framework/worker/shared/shared_metrics.hpp"

namespace prefork {

namespace {
const ipc::SharedHistogram& self(const Histogram& histogram) noexcept {
  return static_cast<const worker::HistogramView&>(histogram).histogram();
}
}  // namespace

std::uint64_t Counter::value() const noexcept {
  return static_cast<const worker::CounterView&>(*this).counter().value();
}
std::int64_t Gauge::value() const noexcept { return static_cast<const worker::GaugeView&>(*this).gauge().value(); }

void Histogram::record(std::uint64_t value) noexcept { self(*this).record(value); }
std::uint64_t Histogram::count() const noexcept { return self(*this).count(); }
std::uint64_t Histogram::sum() const noexcept { return self(*this).sum(); }
std::uint64_t Histogram::quantile(double q) const noexcept { return self(*this).quantile(q); }

}  // namespace prefork
