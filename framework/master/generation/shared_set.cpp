#include "framework/master/generation/shared_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "framework/base/visible.hpp"
#include "framework/config/wording.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::master {

namespace {

std::shared_ptr<ipc::SharedObject> create(const SharedDeclaration& declared, std::size_t slots) {
  try {
    auto object = std::make_shared<ipc::SharedObject>(ipc::SharedObject::create(declared.name, declared.shape, slots));
    if (declared.hold_limit.count() > 0) object->keep_notes();
    return object;
  } catch (const std::system_error& error) {
    throw StartupError(EX_OSERR,
                       fmt::format("{}: {} can't be made: it takes {} bytes of memory: {}", declared.place,
                                   shared_title(declared.shape, declared.name),
                                   ipc::SharedObject::bytes_of(declared.shape, slots), error.code().message()));
  }
}

[[noreturn]] void refuse_change(const ipc::SharedObject& now, const SharedDeclaration& wanted) {
  const bool same_kind = now.shape().kind == wanted.shape.kind;
  std::string is = now.name() + " is " + with_article(ipc::kind_name(now.shape().kind));
  std::string becomes = with_article(ipc::kind_name(wanted.shape.kind));
  if (same_kind) {
    is = shared_title(now.shape(), now.name()) + " has " + full_shape_text(now.shape());
    becomes = "one of " + full_shape_text(wanted.shape);
  }
  throw StartupError(EX_CONFIG, fmt::format("{}: {} and can't become {} while the server runs: rename it or restart",
                                            wanted.place, is, becomes));
}

// Messages that nobody has acknowledged would be lost. Workers wrote their number, which may be wrong: the operator has
// the last word.
void refuse_loss(const ipc::SharedObject& object) {
  if (object.shape().kind != ipc::SharedKind::queue) return;
  const std::int64_t messages = object.report().fill;
  if (messages == 0) return;
  throw StartupError(
      EX_CONFIG,
      fmt::format("{} still holds {} message{}: drain it first, keep it declared, or give it up "
                  "with preforkctl reload --discard {}",
                  shared_title(object.shape(), object.name()), messages, messages == 1 ? "" : "s", object.name()));
}

// A mistyped name must not look as if a queue had been discarded.
void refuse_vain_discard(const SharedSet& next, const SharedSet* previous, const std::string& name) {
  std::vector<std::string> names;
  for (std::size_t i = 0; previous != nullptr && i < previous->objects().size(); ++i) {
    names.push_back(previous->objects()[i]->name());
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    throw StartupError(EX_CONFIG, fmt::format("there is nothing named {} to discard{}", base::in_quotes(name),
                                              config::did_you_mean(name, names)));
  }
  if (next.find(name) == nullptr) return;
  throw StartupError(EX_CONFIG, fmt::format("{} can't be discarded: the configuration still declares it", name));
}

}  // namespace

SharedSet SharedSet::make(const std::vector<SharedDeclaration>& declared, std::size_t slots, const SharedSet* previous,
                          const std::set<std::string>& discard) {
  SharedSet set;
  for (const SharedDeclaration& wanted : declared) {
    std::shared_ptr<ipc::SharedObject> object;
    if (previous != nullptr) {
      const auto known = std::find_if(previous->objects_.begin(), previous->objects_.end(),
                                      [&](const auto& o) { return o->name() == wanted.name; });
      if (known != previous->objects_.end()) object = *known;
    }
    if (object != nullptr && object->shape() != wanted.shape) refuse_change(*object, wanted);
    PREFORK_CHECK(object == nullptr || object->slots() == slots);
    set.objects_.push_back(object != nullptr ? std::move(object) : create(wanted, slots));
  }
  for (const std::string& name : discard) refuse_vain_discard(set, previous, name);
  if (previous == nullptr) return set;
  for (const auto& object : previous->objects_) {
    if (set.find(object->name()) == nullptr && !discard.contains(object->name())) refuse_loss(*object);
  }
  return set;
}

SharedSet SharedSet::take(const std::vector<SharedDeclaration>& declared, const Objects& made) {
  SharedSet set;
  for (const SharedDeclaration& wanted : declared) {
    const auto known = std::find_if(made.begin(), made.end(), [&](const auto& o) { return o->name() == wanted.name; });
    if (known == made.end()) {
      throw StartupError(EX_CONFIG,
                         fmt::format("{}: there is no {} yet", wanted.place, shared_title(wanted.shape, wanted.name)));
    }
    if ((*known)->shape() != wanted.shape) refuse_change(**known, wanted);
    set.objects_.push_back(*known);
  }
  return set;
}

ipc::SharedObject* SharedSet::find(std::string_view name) const noexcept {
  const auto at = std::find_if(objects_.begin(), objects_.end(), [&](const auto& o) { return o->name() == name; });
  return at == objects_.end() ? nullptr : at->get();
}

std::string left_text(const std::vector<SharedSet::Left>& left) {
  // In the order of ipc::SharedKind. Metrics hold nothing but their numbers.
  constexpr std::array<std::string_view, ipc::kSharedKinds> words{"message", "message", "permit", "lock",   "word",
                                                                  "arrival", "number",  "number", "number", "lock"};
  std::string text;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const ipc::SharedShape& shape = left[i].object->shape();
    if (i > 0) text += i + 1 == left.size() ? " and " : ", ";
    text += fmt::format("{} {}{} of {}", left[i].words, words[static_cast<std::size_t>(shape.kind)],
                        left[i].words == 1 ? "" : "s", shared_title(shape, left[i].object->name()));
  }
  return text;
}

}  // namespace prefork::master
