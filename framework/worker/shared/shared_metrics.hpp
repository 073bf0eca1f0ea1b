#pragma once

#include "ipc/objects/metrics.hpp"
#include "ipc/objects/shared_object.hpp"

#include <prefork/metrics.hpp>

namespace prefork::worker {

/// Counters, gauges and histograms as a service sees them.
class CounterView final : public Counter {
 public:
  CounterView(const ipc::SharedObject& object, ipc::Party self)
      : CounterView(ipc::SharedCounter(object.memory(), {}, object.slots(), self)) {}
  const ipc::SharedCounter& counter() const noexcept { return counter_; }

 private:
  explicit CounterView(const ipc::SharedCounter& counter) : Counter(&counter.own()), counter_(counter) {}
  ipc::SharedCounter counter_;
};

class GaugeView final : public Gauge {
 public:
  GaugeView(const ipc::SharedObject& object, ipc::Party self)
      : GaugeView(ipc::SharedGauge(object.memory(), {}, object.slots(), self)) {}
  const ipc::SharedGauge& gauge() const noexcept { return gauge_; }

 private:
  explicit GaugeView(const ipc::SharedGauge& gauge) : Gauge(&gauge.own()), gauge_(gauge) {}
  ipc::SharedGauge gauge_;
};

class HistogramView final : public Histogram {
 public:
  HistogramView(const ipc::SharedObject& object, ipc::Party self)
      : histogram_(object.memory(), {}, object.slots(), self) {}
  const ipc::SharedHistogram& histogram() const noexcept { return histogram_; }

 private:
  ipc::SharedHistogram histogram_;
};

}  // namespace prefork::worker
