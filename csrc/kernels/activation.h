// The activations of a norm: the table, what each one computes, and the choice of one outside of the inner loops.
//
// A new activation is a row of the table. The compiler then asks for what it computes, in every switch below and in
// activation_formulas.h; all names, attributes and dispatch come from the table.
#pragma once

#include <cmath>
#include <optional>
#include <string>

namespace monet {

// MONET_DEVICE is for functions that CPU and GPU code share.
#ifdef __CUDACC__
#define MONET_DEVICE __device__
#else
#define MONET_DEVICE
#endif

// One row for each activation: its enumerator, and its name everywhere outside of C++.
#define MONET_ACTIVATIONS(ROW)  \
  ROW(kNone, "none")            \
  ROW(kRelu, "relu")            \
  ROW(kLeakyRelu, "leaky_relu") \
  ROW(kSilu, "silu")

#define MONET_ENUMERATOR(enumerator, name) enumerator,
enum class Activation { MONET_ACTIVATIONS(MONET_ENUMERATOR) };
#undef MONET_ENUMERATOR

struct ActivationSpec {
  Activation kind;
  float negative_slope;  // of kLeakyRelu
};

// By number, the value of the enumerator.
#define MONET_NAME(enumerator, name) name,
constexpr const char* kActivationNames[] = {MONET_ACTIVATIONS(MONET_NAME)};
#undef MONET_NAME

inline std::optional<Activation> FindActivation(const std::string& name) {
  int number = 0;
  for (const char* known : kActivationNames) {
    if (name == known) return static_cast<Activation>(number);
    ++number;
  }
  return std::nullopt;
}

// "'none', 'relu', ...": for messages, and for the op's attribute.
inline std::string QuotedActivationNames() {
  std::string names;
  for (const char* name : kActivationNames) names += (names.empty() ? "'" : ", '") + std::string(name) + "'";
  return names;
}

// What an activation is, in double precision: for norm_reference.cc. There is no default in the switches: an
// activation that one of them forgets fails to compile (-Werror=switch).
inline double ActivationValue(ActivationSpec activation, double z) {
  switch (activation.kind) {
    case Activation::kNone:
      return z;
    case Activation::kRelu:
      return z < 0.0 ? 0.0 : z;
    case Activation::kLeakyRelu:
      return z > 0.0 ? z : z * activation.negative_slope;
    case Activation::kSilu:  // at -infinity its limit, where the formula is not a number
      return std::isinf(z) && z < 0.0 ? -0.0 : z / (1.0 + std::exp(-z));
  }
  __builtin_unreachable();
}

inline double ActivationSlope(ActivationSpec activation, double z) {
  switch (activation.kind) {
    case Activation::kNone:
      return 1.0;
    case Activation::kRelu:
      return z > 0.0 ? 1.0 : 0.0;
    case Activation::kLeakyRelu:
      return z > 0.0 ? 1.0 : activation.negative_slope;
    case Activation::kSilu: {
      const double sigmoid = 1.0 / (1.0 + std::exp(-z));
      return std::isinf(z) ? sigmoid : sigmoid * (1.0 + z / (1.0 + std::exp(z)));
    }
  }
  __builtin_unreachable();
}

// Not to be shared between translation units: see cpu/norm/norm_kernels.h.
namespace {

template <Activation kActivation>
struct ActivationTag {
  static constexpr Activation value = kActivation;
};

// Returns body(ActivationTag<activation>()), so that what is inside of it is compiled for each activation.
template <typename Body>
inline auto WithActivation(Activation activation, Body body) {
#define MONET_CALL(enumerator, name) \
  case Activation::enumerator:       \
    return body(ActivationTag<Activation::enumerator>{});
  switch (activation) { MONET_ACTIVATIONS(MONET_CALL) }
#undef MONET_CALL
  __builtin_unreachable();
}

}  // namespace
}  // namespace monet
