// What MonetReflectionPad and MonetReflectionPadGrad (reflection_pad_ops.cc) do when they are called: see op_context.h.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/reflection_pad.h"
#include "tensorflow/op_context.h"
#include "tensorflow/pad_arguments.h"
#include "tensorflow/tensors.h"

namespace monet {

// What the forward and the backward op have in common.
class ReflectionPadOp {
 public:
  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    visit("T", &type_);
    visit("pad", &pad_);
  }

  absl::Status CheckAttributes() const { return absl::OkStatus(); }

 protected:
  // Fills `shape`, that of the images inside a border of `border` pixels, and checks it against `pad`.
  absl::Status CheckInput(const char* name, const tensorflow::Tensor& images, int64_t border, ImageShape* shape) const {
    TF_RETURN_IF_ERROR(CheckImages(name, images.shape()));
    *shape = {images.dim_size(0), images.dim_size(1) - 2 * border, images.dim_size(2) - 2 * border, images.dim_size(3)};
    return CheckPad(pad_, shape->height, shape->width);
  }

  static tensorflow::TensorShape ShapeWithBorder(const ImageShape& shape, int64_t border) {
    return {shape.batch, shape.height + 2 * border, shape.width + 2 * border, shape.channels};
  }

  tensorflow::DataType type_;
  int64_t pad_;
};

class ReflectionPadForwardOp final : public ReflectionPadOp {
 public:
  static constexpr char kName[] = "MonetReflectionPad";

  template <typename Device>
  absl::Status Compute(OpContext* context, const Device& device) const {
    const tensorflow::Tensor& x = context->input(0);
    ImageShape shape;
    TF_RETURN_IF_ERROR(CheckInput("x", x, 0, &shape));
    tensorflow::Tensor* y;
    TF_RETURN_IF_ERROR(context->allocate_output(0, ShapeWithBorder(shape, pad_), &y));
    if (x.NumElements() == 0) return absl::OkStatus();
    return device.ReflectionPad(StorageOf(type_), shape, pad_, x.data(), y->data());
  }
};

class ReflectionPadBackwardOp final : public ReflectionPadOp {
 public:
  static constexpr char kName[] = "MonetReflectionPadGrad";

  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    ReflectionPadOp::VisitAttributes(visit);
    visit("num_skip", &num_skip_);
  }

  absl::Status CheckAttributes() const {
    if (num_skip_ <= 1) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("there is at most one dskip, got ", num_skip_));
  }

  template <typename Device>
  absl::Status Compute(OpContext* context, const Device& device) const {
    const tensorflow::Tensor& dy = context->input(0);
    ImageShape shape;
    TF_RETURN_IF_ERROR(CheckInput("dy", dy, pad_, &shape));
    const tensorflow::Tensor* dskip = num_skip_ > 0 ? &context->input(1) : nullptr;
    if (dskip) TF_RETURN_IF_ERROR(CheckShape("dskip", dskip->shape(), ShapeWithBorder(shape, 0)));
    const std::vector<int> reusable = dskip ? std::vector<int>{1} : std::vector<int>{};
    tensorflow::Tensor* dx;
    TF_RETURN_IF_ERROR(context->forward_input_or_allocate_output(reusable, 0, ShapeWithBorder(shape, 0), &dx));
    if (dx->NumElements() == 0) return absl::OkStatus();
    return device.ReflectionPadGrad(StorageOf(type_), shape, pad_, dy.data(), dskip ? dskip->data() : nullptr,
                                    dx->data());
  }

 private:
  int64_t num_skip_;
};

}  // namespace monet
