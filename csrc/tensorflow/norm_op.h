// What MonetNorm, MonetNormApply and MonetNormGrad (norm_ops.cc) do when they are called: see op_context.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/norm.h"
#include "tensorflow/norm_arguments.h"
#include "tensorflow/op_context.h"
#include "tensorflow/pad_arguments.h"
#include "tensorflow/tensors.h"

namespace monet {

// What the ops have in common.
class NormOp {
 public:
  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    visit("T", &type_);
    visit("groups", &groups_);
    visit("epsilon", &options_.epsilon);
    visit("activation", &activation_);
    visit("negative_slope", &options_.negative_slope);
    visit("pad", &options_.pad);
  }

  absl::Status CheckAttributes() {
    if (!(options_.epsilon >= 0)) {
      return absl::InvalidArgumentError(absl::StrCat("epsilon must be >= 0, got ", options_.epsilon));
    }
    if (num_residual_ > 1) {
      return absl::InvalidArgumentError(absl::StrCat("there is at most one residual, got ", num_residual_));
    }
    const std::optional<Activation> activation = FindActivation(activation_);
    if (!activation) {
      return absl::InvalidArgumentError(
          absl::StrCat("activation must be one of ", QuotedActivationNames(), ", got '", activation_, "'"));
    }
    options_.activation = *activation;
    return absl::OkStatus();
  }

 protected:
  using Tensor = tensorflow::Tensor;
  using TensorShape = tensorflow::TensorShape;

  // Fills `shape` and checks x, gamma and beta against one another and against the attributes.
  absl::Status CheckInputs(const Tensor& x, const Tensor& gamma, const Tensor& beta, NormShape* shape) const {
    TF_RETURN_IF_ERROR(CheckImages("x", x.shape()));
    const int64_t channels = x.dim_size(3);
    TF_RETURN_IF_ERROR(CheckShape("gamma", gamma.shape(), {channels}));
    TF_RETURN_IF_ERROR(CheckShape("beta", beta.shape(), {channels}));
    TF_RETURN_IF_ERROR(CheckPad(options_.pad, x.dim_size(1), x.dim_size(2)));
    if (groups_ != 0) TF_RETURN_IF_ERROR(CheckGroups(groups_, channels));
    *shape = {x.dim_size(0), x.dim_size(1), x.dim_size(2), channels, groups_ == 0 ? channels : groups_};
    return absl::OkStatus();
  }

  static TensorShape PaddedShape(const NormShape& shape, int64_t pad) {
    return {shape.batch, shape.height + 2 * pad, shape.width + 2 * pad, shape.channels};
  }

  static TensorShape StatisticsShape(const NormShape& shape) { return {shape.batch, shape.groups}; }

  // The inputs whose memory the first output may take, where nothing else needs them: x when painting, dy always.
  std::vector<int> Reusable() const { return options_.pad == 0 ? std::vector<int>{0} : std::vector<int>{}; }

  tensorflow::DataType type_;
  int64_t groups_;
  int64_t num_residual_ = 0;
  std::string activation_;
  NormOptions options_;
};

class NormForwardOp final : public NormOp {
 public:
  static constexpr char kName[] = "MonetNorm";

  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    NormOp::VisitAttributes(visit);
    visit("num_residual", &num_residual_);
    visit("residual_pad", &residual_pad_);
  }

  template <typename Device>
  absl::Status Compute(OpContext* context, const Device& device) const {
    const Tensor &x = context->input(0), &gamma = context->input(1), &beta = context->input(2);
    NormShape shape;
    TF_RETURN_IF_ERROR(CheckInputs(x, gamma, beta, &shape));
    const Tensor* residual = num_residual_ > 0 ? &context->input(3) : nullptr;
    if (residual) TF_RETURN_IF_ERROR(CheckShape("residual", residual->shape(), PaddedShape(shape, residual_pad_)));

    Tensor *y, *mean, *rstd;
    TF_RETURN_IF_ERROR(context->forward_input_or_allocate_output(Reusable(), 0, PaddedShape(shape, options_.pad), &y));
    TF_RETURN_IF_ERROR(context->allocate_output(1, StatisticsShape(shape), &mean));
    TF_RETURN_IF_ERROR(context->allocate_output(2, StatisticsShape(shape), &rstd));
    if (x.NumElements() == 0) {
      TF_RETURN_IF_ERROR(device.FillZero(mean));
      return device.FillZero(rstd);
    }
    Tensor scratch;
    TF_RETURN_IF_ERROR(AllocateScratch(context, device.NormForwardScratchBytes(shape), &scratch));
    return device.NormForward(StorageOf(type_), shape, options_, x.data(), Floats(gamma), Floats(beta),
                              residual ? residual->data() : nullptr, residual_pad_, y->data(), Floats(mean),
                              Floats(rstd), scratch.data());
  }

 private:
  int64_t residual_pad_;
};

class NormApplyOp final : public NormOp {
 public:
  static constexpr char kName[] = "MonetNormApply";

  template <typename Device>
  absl::Status Compute(OpContext* context, const Device& device) const {
    const Tensor &x = context->input(0), &gamma = context->input(1), &beta = context->input(2);
    const Tensor &mean = context->input(3), &rstd = context->input(4);
    NormShape shape;
    TF_RETURN_IF_ERROR(CheckInputs(x, gamma, beta, &shape));
    TF_RETURN_IF_ERROR(CheckShape("mean", mean.shape(), StatisticsShape(shape)));
    TF_RETURN_IF_ERROR(CheckShape("rstd", rstd.shape(), StatisticsShape(shape)));

    Tensor* y;
    TF_RETURN_IF_ERROR(context->forward_input_or_allocate_output(Reusable(), 0, PaddedShape(shape, options_.pad), &y));
    if (x.NumElements() == 0) return absl::OkStatus();
    Tensor scratch;
    TF_RETURN_IF_ERROR(AllocateScratch(context, device.NormForwardScratchBytes(shape), &scratch));
    return device.NormApply(StorageOf(type_), shape, options_, x.data(), Floats(gamma), Floats(beta), Floats(mean),
                            Floats(rstd), y->data(), scratch.data());
  }
};

class NormBackwardOp final : public NormOp {
 public:
  static constexpr char kName[] = "MonetNormGrad";

  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    NormOp::VisitAttributes(visit);
    visit("num_residual", &num_residual_);
    visit("num_skip", &num_skip_);
  }

  absl::Status CheckAttributes() {
    if (num_skip_ > 1) return absl::InvalidArgumentError(absl::StrCat("there is at most one dskip, got ", num_skip_));
    return NormOp::CheckAttributes();
  }

  template <typename Device>
  absl::Status Compute(OpContext* context, const Device& device) const {
    const Tensor &dy = context->input(0), &x = context->input(1), &gamma = context->input(2);
    const Tensor &beta = context->input(3), &mean = context->input(4), &rstd = context->input(5);
    const Tensor* dskip = num_skip_ > 0 ? &context->input(6) : nullptr;
    NormShape shape;
    TF_RETURN_IF_ERROR(CheckInputs(x, gamma, beta, &shape));
    TF_RETURN_IF_ERROR(CheckShape("dy", dy.shape(), PaddedShape(shape, options_.pad)));
    if (dskip) TF_RETURN_IF_ERROR(CheckShape("dskip", dskip->shape(), x.shape()));
    TF_RETURN_IF_ERROR(CheckShape("mean", mean.shape(), StatisticsShape(shape)));
    TF_RETURN_IF_ERROR(CheckShape("rstd", rstd.shape(), StatisticsShape(shape)));

    Tensor *dx, *dgamma, *dbeta, *dresidual = nullptr;
    TF_RETURN_IF_ERROR(context->forward_input_or_allocate_output(Reusable(), 0, x.shape(), &dx));
    TF_RETURN_IF_ERROR(context->allocate_output(1, gamma.shape(), &dgamma));
    TF_RETURN_IF_ERROR(context->allocate_output(2, beta.shape(), &dbeta));
    if (num_residual_ > 0) {
      const std::vector<int> reusable = dskip ? std::vector<int>{6} : std::vector<int>{};
      TF_RETURN_IF_ERROR(context->forward_input_or_allocate_output(reusable, 3, x.shape(), &dresidual));
    }
    if (x.NumElements() == 0) {
      TF_RETURN_IF_ERROR(device.FillZero(dgamma));
      return device.FillZero(dbeta);
    }
    Tensor scratch;
    TF_RETURN_IF_ERROR(AllocateScratch(context, device.NormBackwardScratchBytes(shape), &scratch));
    return device.NormBackward(StorageOf(type_), shape, options_, dy.data(), dskip ? dskip->data() : nullptr, x.data(),
                               Floats(gamma), Floats(beta), Floats(mean), Floats(rstd), dx->data(), Floats(dgamma),
                               Floats(dbeta), dresidual ? dresidual->data() : nullptr, scratch.data());
  }

 private:
  int64_t num_skip_;
};

}  // namespace monet
