// Asking running work to stop. A scope is inherited by everything that is awaited inside it;
// waiting operations hook themselves in and finish with Errc::cancelled.
#pragma once

#include "holdfast/core/base/check.h"
#include "holdfast/edge/io/loop.h"

namespace holdfast::io {

/// Loop thread only. A child is cancelled with its parent; a parent outlives its children.
class CancelScope {
 public:
  /// An intrusive list node: on_cancel runs at most once, while the hook is linked.
  class Hook {
   public:
    Hook() = default;
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;
    virtual ~Hook() { unlink(); }
    virtual void on_cancel() = 0;

   protected:
    void link(CancelScope& scope) {
      HF_CHECK(scope_ == nullptr);
      scope_ = &scope;
      next_ = scope.first_;
      if (next_ != nullptr) next_->previous_ = this;
      scope.first_ = this;
    }
    void unlink() {
      if (scope_ == nullptr) return;
      if (previous_ != nullptr) previous_->next_ = next_;
      if (scope_->first_ == this) scope_->first_ = next_;
      if (next_ != nullptr) next_->previous_ = previous_;
      scope_ = nullptr;
      next_ = previous_ = nullptr;
    }

   private:
    friend class CancelScope;
    CancelScope* scope_ = nullptr;
    Hook* next_ = nullptr;
    Hook* previous_ = nullptr;
  };

  explicit CancelScope(Loop& loop) : loop_(loop) {}
  explicit CancelScope(CancelScope& parent) : loop_(parent.loop_), link_(*this) {
    if (parent.cancelled_) {
      cancelled_ = true;
    } else {
      link_.attach(parent);
    }
  }
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;
  ~CancelScope() { HF_CHECK(first_ == nullptr); }

  Loop& loop() const { return loop_; }
  bool cancelled() const { return cancelled_; }

  /// Idempotent. Hooks run inside this call; they must only start the stopping, not resume coroutines.
  void cancel() {
    cancelled_ = true;
    while (first_ != nullptr) {
      Hook* hook = first_;
      hook->unlink();
      hook->on_cancel();
    }
  }

 private:
  class ParentLink final : public Hook {
   public:
    ParentLink() = default;
    explicit ParentLink(CancelScope& child) : child_(&child) {}
    void attach(CancelScope& parent) { link(parent); }
    void on_cancel() override { child_->cancel(); }

   private:
    CancelScope* child_ = nullptr;
  };

  Loop& loop_;
  Hook* first_ = nullptr;
  bool cancelled_ = false;
  ParentLink link_;
};

}  // namespace holdfast::io
