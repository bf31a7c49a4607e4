// Every op under jit_compile=True: lowered to a custom call, which XLA's runtime hands to a typed FFI handler.
//
// Lowering runs while XLA compiles, with static shapes. The handler gets the buffers and the attributes of the op.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tensorflow/compiler/tf2xla/type_util.h"
#include "tensorflow/compiler/tf2xla/xla_op_kernel.h"
#include "tensorflow/compiler/tf2xla/xla_op_registry.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/public/version.h"
#include "tensorflow/cpu_kernel.h"
#include "tensorflow/every_op.h"
#include "xla/ffi/api/ffi.h"
#include "xla/hlo/builder/xla_builder.h"
#include "xla/shape_util.h"

namespace xla::ffi {
// Exported by TensorFlow. The header that declares it needs those of MLIR, which the wheels don't have.
const XLA_FFI_Api* GetXlaFfiApi();
}  // namespace xla::ffi

namespace monet {
namespace {

namespace ffi = ::xla::ffi;

// The attributes of a custom call are written as those of an MLIR operation.
std::string Literal(int64_t value) { return absl::StrCat(value, " : i64"); }
std::string Literal(bool value) { return Literal(static_cast<int64_t>(value)); }
std::string Literal(tensorflow::DataType value) { return Literal(static_cast<int64_t>(value)); }
std::string Literal(const std::string& value) { return absl::StrCat("\"", value, "\""); }
std::string Literal(float value) {  // bit for bit
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

template <typename Value>
struct AttributeType {
  using type = std::conditional_t<std::is_same_v<Value, std::string>, std::string_view,
                                  std::conditional_t<std::is_same_v<Value, float>, float, int64_t>>;
};

template <typename Op>
absl::Status ReadAttributes(const ffi::Dictionary& attributes, Op* op) {
  absl::Status status;
  op->VisitAttributes([&](const char* name, auto* value) {
    using Value = std::remove_reference_t<decltype(*value)>;
    const auto got = attributes.get<typename AttributeType<Value>::type>(name);
    if (got.has_error()) {
      status.Update(absl::InternalError(absl::StrCat(name, ": ", got.error().message())));
    } else {
      *value = static_cast<Value>(got.value());
    }
  });
  if (status.ok()) status = op->CheckAttributes();
  return status;
}

class XlaPool final : public ClaimingPool {
 public:
  explicit XlaPool(ffi::ThreadPool threads)
      : threads_(threads), num_threads_(static_cast<int>(std::max<int64_t>(threads_.num_threads(), 1))) {}

  int num_threads() const override { return num_threads_; }

 private:
  void Schedule(std::function<void()> function) override { threads_.Schedule(std::move(function)); }

  ffi::ThreadPool threads_;
  const int num_threads_;
};

tensorflow::DataType TypeOf(const ffi::AnyBuffer& buffer) {
  switch (buffer.element_type()) {
    case ffi::F32: return tensorflow::DT_FLOAT;
    case ffi::BF16: return tensorflow::DT_BFLOAT16;
    case ffi::F16: return tensorflow::DT_HALF;
    default: return tensorflow::DT_INVALID;  // the ops take and give no other
  }
}

// Memory of XLA's, as that of a tensor.
class BorrowedMemory final : public tensorflow::TensorBuffer {
 public:
  BorrowedMemory(void* data, size_t bytes) : TensorBuffer(data), bytes_(bytes) {}

  size_t size() const override { return bytes_; }
  TensorBuffer* root_buffer() override { return this; }
  bool OwnsMemory() const override { return false; }
  void FillAllocationDescription(tensorflow::AllocationDescription* description) const override {
    description->set_requested_bytes(static_cast<int64_t>(bytes_));
  }

 private:
  const size_t bytes_;
};

tensorflow::Tensor TensorOf(const ffi::AnyBuffer& buffer) {
  tensorflow::TensorShape shape;
  for (const int64_t size : buffer.dimensions()) shape.AddDim(size);
  tensorflow::core::RefCountPtr<tensorflow::TensorBuffer> memory(
      new BorrowedMemory(buffer.untyped_data(), buffer.size_bytes()));
  return tensorflow::Tensor(TypeOf(buffer), shape, std::move(memory));
}

class CustomCallContext final : public OpContext {
 public:
  CustomCallContext(ffi::ThreadPool threads, const ffi::RemainingArgs& arguments, const ffi::RemainingRets& results)
      : pool_(threads) {
    for (size_t i = 0; i < arguments.size(); ++i) inputs_.push_back(TensorOf(*arguments.get<ffi::AnyBuffer>(i)));
    for (size_t i = 0; i < results.size(); ++i) {
      ffi::Result<ffi::AnyBuffer> result = *results.get<ffi::AnyBuffer>(i);
      outputs_.push_back(TensorOf(*result));
    }
  }

  const tensorflow::Tensor& input(int index) override { return inputs_[index]; }

  // XLA has allocated the outputs, with the shapes that Lowering inferred.
  absl::Status allocate_output(int index, const tensorflow::TensorShape& shape, tensorflow::Tensor** output) override {
    *output = &outputs_[index];
    if ((*output)->shape() == shape) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("output ", index, " has shape ", shape.DebugString(), ", but was given ",
                                            (*output)->shape().DebugString()));
  }

  absl::Status forward_input_or_allocate_output(absl::Span<const int>, int index, const tensorflow::TensorShape& shape,
                                                tensorflow::Tensor** output) override {
    return allocate_output(index, shape, output);
  }

  // Not through the FFI's ScratchAllocator, which the CPU doesn't have.
  absl::Status allocate_temp(tensorflow::DataType type, const tensorflow::TensorShape& shape,
                             tensorflow::Tensor* temp) override {
    return tensorflow::Tensor::BuildTensor(type, shape, temp);
  }

  // Nobody says which of them the program reads, and all have memory.
  bool output_required(int) override { return true; }

  ThreadPool& pool() override { return pool_; }

 private:
  std::vector<tensorflow::Tensor> inputs_, outputs_;
  XlaPool pool_;
};

template <typename Op>
ffi::Error Compute(ffi::ThreadPool threads, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                   ffi::Dictionary attributes) {
  Op op;
  absl::Status status = ReadAttributes(attributes, &op);
  if (status.ok()) {
    CustomCallContext context(threads, arguments, results);
    status = op.Compute(&context);
  }
  if (status.ok()) return ffi::Error::Success();
  return ffi::Error(static_cast<ffi::ErrorCode>(status.code()), absl::StrCat(Op::kName, ": ", status.message()));
}

template <typename Op>
XLA_FFI_Error* Handler(XLA_FFI_CallFrame* frame) {
  static auto* const handler = ffi::Ffi::Bind()
                                   .Ctx<ffi::ThreadPool>()
                                   .RemainingArgs()
                                   .RemainingRets()
                                   .Attrs<ffi::Dictionary>()
                                   .To(Compute<Op>)
                                   .release();
  return handler->Call(frame);
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

}  // namespace

// As a kernel of XLA's compilation device, and not through REGISTER_XLA_OP: what is registered there counts only
// until the first function of the process is compiled, which may be before this library is opened. Another platform
// is registered in the same two lines: its compilation device and its name in the FFI.
#define MONET_REGISTER_IN_XLA(Op)                                                  \
  XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), Op::kName, "Host", Handler<Op>); \
  REGISTER_KERNEL_BUILDER(Name(Op::kName).Device(tensorflow::DEVICE_CPU_XLA_JIT), Lowering<Op>);

MONET_FOR_EVERY_OP(MONET_REGISTER_IN_XLA)

}  // namespace monet
