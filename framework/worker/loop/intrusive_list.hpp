#pragma once

#include <cstddef>

namespace prefork::worker {

/// A hook by which an object is in at most one list; its destructor removes it from the list.
template <class T>
class ListHook {
 public:
  ListHook() noexcept : previous_(this), next_(this) {}
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  bool linked() const noexcept { return next_ != this; }
  void unlink() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }
  void link_before(ListHook& place) noexcept {
    unlink();
    previous_ = place.previous_;
    next_ = &place;
    previous_->next_ = this;
    place.previous_ = this;
  }

 private:
  template <class>
  friend class List;
  ListHook* previous_;
  ListHook* next_;
};

/// A list of objects that derive from ListHook<T>; it owns none of them.
template <class T>
class List {
 public:
  void push_back(T& object) noexcept { static_cast<ListHook<T>&>(object).link_before(head_); }
  /// Inserts `object` as far back as `before` allows: after everything that it must not precede.
  template <class Before>
  void insert(T& object, Before before) noexcept {
    ListHook<T>* place = &head_;
    while (place->previous_ != &head_ && before(object, static_cast<T&>(*place->previous_))) place = place->previous_;
    static_cast<ListHook<T>&>(object).link_before(*place);
  }
  bool empty() const noexcept { return !head_.linked(); }
  /// @return nullptr: the list is empty
  T* front() const noexcept { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  /// Calls `visit` for each object; it may unlink or destroy only the object that it gets.
  template <class Visit>
  void for_each(Visit visit) {
    for (ListHook<T>* at = head_.next_; at != &head_;) {
      ListHook<T>* next = at->next_;
      visit(static_cast<T&>(*at));
      at = next;
    }
  }

 private:
  ListHook<T> head_;
};

}  // namespace prefork::worker
