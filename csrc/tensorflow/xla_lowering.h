// An op (op_context.h) under jit_compile=True: lowered to a custom call, which XLA's runtime hands to a typed FFI
// handler (xla_custom_call.h). Lowering runs while XLA compiles, with static shapes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tensorflow/compiler/tf2xla/type_util.h"
#include "tensorflow/compiler/tf2xla/xla_op_kernel.h"
#include "tensorflow/compiler/tf2xla/xla_op_registry.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/public/version.h"
#include "tensorflow/executor_kernel.h"
#include "xla/hlo/builder/xla_builder.h"
#include "xla/shape_util.h"

namespace monet {

// The attributes of a custom call are written as those of an MLIR operation.
inline std::string Literal(int64_t value) { return absl::StrCat(value, " : i64"); }
inline std::string Literal(bool value) { return Literal(static_cast<int64_t>(value)); }
inline std::string Literal(tensorflow::DataType value) { return Literal(static_cast<int64_t>(value)); }
inline std::string Literal(const std::string& value) { return absl::StrCat("\"", value, "\""); }
inline std::string Literal(float value) {  // bit for bit
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return absl::StrCat("0x", absl::Hex(bits, absl::kZeroPad8), " : f32");
}

template <typename Op>
std::string WriteAttributes(Op op) {
  std::string attributes;
  op.VisitAttributes([&](const char* name, auto* value) {
    absl::StrAppend(&attributes, attributes.empty() ? "" : ", ", name, " = ", Literal(*value));
  });
  return absl::StrCat("{", attributes, "}");
}

template <typename Op>
class Lowering final : public tensorflow::XlaOpKernel {
 public:
  explicit Lowering(tensorflow::OpKernelConstruction* context) : XlaOpKernel(context) {
    OP_REQUIRES_OK(context, ReadAttributes(context, &op_));
  }

  void Compile(tensorflow::XlaOpKernelContext* context) override {
    std::vector<xla::XlaOp> operands;
    std::vector<xla::Shape> operand_shapes;
    std::vector<tensorflow::PartialTensorShape> shapes;
    for (int i = 0; i < context->num_inputs(); ++i) {
      const absl::StatusOr<xla::Shape> shape = context->InputXlaShape(i);
      OP_REQUIRES_OK(context, shape.status());
      OP_REQUIRES(context, shape->is_static(),
                  absl::UnimplementedError(absl::StrCat(
                      Op::kName, " can't be compiled by XLA with a shape that depends on values, got ",
                      xla::ShapeUtil::HumanString(*shape), "; call the op inside monet.ops.use(\"reference\")")));
      operands.push_back(context->Input(i));
      operand_shapes.push_back(RowMajor(shape->element_type(), shape->dimensions()));
      shapes.emplace_back(shape->dimensions());
    }
    std::vector<xla::Shape> results;
    OP_REQUIRES_OK(context, InferResults(context, shapes, &results));
    const xla::XlaOp all = xla::CustomCallWithLayout(
        context->builder(), Op::kName, operands, xla::ShapeUtil::MakeTupleShape(results), operand_shapes,
        WriteAttributes(op_), /*has_side_effect=*/false, /*output_operand_aliasing=*/{}, /*literal=*/nullptr,
        xla::CustomCallSchedule::SCHEDULE_NONE, xla::CustomCallApiVersion::API_VERSION_TYPED_FFI);
    for (int i = 0; i < context->num_outputs(); ++i) context->SetOutput(i, xla::GetTupleElement(all, i));
  }

 private:
  // The ops read and write dense, row-major tensors: XLA must not choose another layout.
  static xla::Shape RowMajor(xla::PrimitiveType type, absl::Span<const int64_t> sizes) {
    return xla::ShapeUtil::MakeShapeWithDescendingLayout(type, sizes);
  }

  // By the op's shape function, which also checks the arguments against each other.
  absl::Status InferResults(tensorflow::XlaOpKernelContext* context,
                            const std::vector<tensorflow::PartialTensorShape>& inputs,
                            std::vector<xla::Shape>* results) const {
    const tensorflow::OpRegistrationData* op;
    TF_RETURN_IF_ERROR(tensorflow::OpRegistry::Global()->LookUp(Op::kName, &op));
    tensorflow::shape_inference::InferenceContext inference(TF_GRAPH_DEF_VERSION, def(), op->op_def, inputs, {}, {},
                                                            {});
    TF_RETURN_IF_ERROR(inference.construction_status());
    TF_RETURN_IF_ERROR(inference.Run(op->shape_inference_fn));
    for (int i = 0; i < context->num_outputs(); ++i) {
      const auto shape = inference.output(i);
      std::vector<int64_t> sizes;
      for (int d = 0; d < inference.Rank(shape); ++d) sizes.push_back(inference.Value(inference.Dim(shape, d)));
      xla::PrimitiveType type;
      TF_RETURN_IF_ERROR(tensorflow::DataTypeToPrimitiveType(context->expected_output_dtype(i), &type));
      results->push_back(RowMajor(type, sizes));
    }
    return absl::OkStatus();
  }

  Op op_;
};

// As a kernel of XLA's compilation device, and not through REGISTER_XLA_OP: what is registered there counts only
// until the first function of the process is compiled, which may be before this library is opened.
#define MONET_REGISTER_LOWERING(Op, compilation_device) \
  REGISTER_KERNEL_BUILDER(Name(Op::kName).Device(compilation_device), Lowering<Op>);

}  // namespace monet
