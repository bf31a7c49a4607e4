// Runs the convolutions and the residual block on this CPU's AMX tiles, and compares them with the same kernels on
// emulated tiles, bit for bit, and with plain float64 sums. A program of its own, without Python, for machines that
// have little else: amx_check.py builds it, and tells where it has been run.
//
//   amx_check [threads]      exits with 0 if all agree, 1 if not, 2 without AMX
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/reflect_conv2d_reference.h"
#include "kernels/cpu/amx/amx_kernels.h"
#include "kernels/cpu/conv/reflect_conv2d_run.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/residual_block_run.h"
#include "kernels/half.h"
#include "python/conv_method.h"
#include "python/std_thread_pool.h"

namespace monet {
namespace {

using Floats = std::vector<float>;

Floats Random(int64_t count, float scale, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  Floats values(count);
  for (float& value : values) value = FromBFloat16(ToBFloat16(uniform(random)));
  return values;
}

double RelativeError(const Floats& got, const Floats& want) {
  double difference = 0.0, norm = 0.0;
  for (size_t i = 0; i < want.size(); ++i) {
    difference += (double(got[i]) - want[i]) * (double(got[i]) - want[i]);
    norm += double(want[i]) * want[i];
  }
  return std::sqrt(difference / norm);
}

bool SameBits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

bool ok = true;

void Expect(bool holds, const char* what, double error) {
  std::printf("  %-40s %-4s %.2g\n", what, holds ? "ok" : "BAD", error);
  std::fflush(stdout);
  ok = ok && holds;
}

struct Memory {
  explicit Memory(size_t bytes) : bytes(bytes) {}
  void* get() { return bytes.data(); }
  std::vector<char> bytes;
};

struct ConvResults {
  Floats y, dx, dkernel;
};

ConvResults RunConvolution(const ReflectConv2DShape& shape, const AmxKernels* amx, const Floats& x,
                           const Floats& kernel, const Floats& bias, const Floats& dy, ThreadPool& pool) {
  const ConvMethod method = ChooseMethod(shape, /*precise=*/false, amx);
  const int threads = pool.num_threads();
  ConvResults results{Floats(dy.size()), Floats(x.size()), Floats(kernel.size())};
  Memory packed(ReflectConv2DPackedBytes(shape, method, ReflectConv2DDirection::kForward));
  ReflectConv2DPack(shape, method, ReflectConv2DDirection::kForward, kernel.data(), packed.get(), pool);
  Memory forward(ReflectConv2DForwardScratchBytes(shape, method, threads));
  ReflectConv2DForward(shape, method, DType::kFloat32, x.data(), packed.get(), bias.data(), results.y.data(),
                       forward.get(), pool);

  Memory turned(ReflectConv2DPackedBytes(shape, method, ReflectConv2DDirection::kBackwardInput));
  ReflectConv2DPack(shape, method, ReflectConv2DDirection::kBackwardInput, kernel.data(), turned.get(), pool);
  Memory input(ReflectConv2DBackwardInputScratchBytes(shape, method, threads));
  ReflectConv2DBackwardInput(shape, method, dy.data(), turned.get(), nullptr, results.dx.data(), input.get(), pool);

  Memory gradient(ReflectConv2DBackwardKernelScratchBytes(shape, method, threads));
  ReflectConv2DBackwardKernel(shape, method, x.data(), dy.data(), results.dkernel.data(), nullptr, gradient.get(),
                              pool);
  return results;
}

void CheckConvolution(const ReflectConv2DShape& shape, ThreadPool& pool) {
  std::printf("%dx%dx%dx%d -> %d, %dx%d\n", int(shape.batch), int(shape.height), int(shape.width),
              int(shape.in_channels), int(shape.out_channels), int(shape.size), int(shape.size));
  const int64_t pixels = shape.batch * shape.height * shape.width, taps = shape.size * shape.size;
  const Floats x = Random(pixels * shape.in_channels, 1.0f, 1), dy = Random(pixels * shape.out_channels, 1.0f, 2);
  const Floats kernel = Random(taps * shape.in_channels * shape.out_channels, 0.1f, 3);
  const Floats bias = Random(shape.out_channels, 1.0f, 4);

  const ConvResults got = RunConvolution(shape, AmxKernelTable(), x, kernel, bias, dy, pool);
  const ConvResults emulated = RunConvolution(shape, EmulatedAmxKernels(), x, kernel, bias, dy, pool);
  ConvResults exact = got;
  Floats dbias(bias.size());
  ReflectConv2DForwardReference(shape, x.data(), kernel.data(), bias.data(), exact.y.data());
  ReflectConv2DBackwardReference(shape, x.data(), kernel.data(), dy.data(), exact.dx.data(), exact.dkernel.data(),
                                 dbias.data());

  auto expect = [](const char* name, const Floats& got, const Floats& emulated, const Floats& exact) {
    const double error = RelativeError(got, exact);
    Expect(SameBits(got, emulated) && error < 1e-6, name, error);
  };
  expect("forward", got.y, emulated.y, exact.y);
  expect("gradient of the input", got.dx, emulated.dx, exact.dx);
  expect("gradient of the kernel", got.dkernel, emulated.dkernel, exact.dkernel);
}

// y, dx, and the gradients of kernel, gamma and beta.
std::vector<Floats> RunBlock(const ResidualBlockShape& shape, const AmxKernels* amx, ThreadPool& pool) {
  const int64_t values = shape.batch * shape.height * shape.width * shape.channels, channels = shape.channels;
  const ConvMethod method = ChooseMethod(shape.conv(), /*precise=*/false, amx);
  constexpr float kEpsilon = 1e-5f;
  const Floats x = Random(values, 1.0f, 1), dy = Random(values, 1.0f, 2);
  std::vector<Floats> kernels, gammas, betas;
  for (uint32_t i = 0; i < 2; ++i) {
    kernels.push_back(Random(9 * channels * channels, 0.1f, 3 + i));
    gammas.push_back(Random(channels, 1.0f, 5 + i));
    betas.push_back(Random(channels, 1.0f, 7 + i));
  }
  std::vector<Floats> convs(2, Floats(values)), statistics(4, Floats(shape.batch * channels));
  std::vector<Floats> results(2, Floats(values));
  for (const auto* like : {&kernels, &gammas, &betas}) results.insert(results.end(), like->begin(), like->end());
  ConvNormSaved saved[2];
  ConvNormGradients gradients[2];
  for (int i = 0; i < 2; ++i) {
    saved[i] = {convs[i].data(), statistics[2 * i].data(), statistics[2 * i + 1].data()};
    gradients[i] = {results[2 + i].data(), results[4 + i].data(), results[6 + i].data()};
  }

  for (const ReflectConv2DDirection direction :
       {ReflectConv2DDirection::kForward, ReflectConv2DDirection::kBackwardInput}) {
    std::vector<Memory> packed(2, Memory(ReflectConv2DPackedBytes(shape.conv(), method, direction)));
    ConvNormWeights weights[2];
    for (int i = 0; i < 2; ++i) {
      ReflectConv2DPack(shape.conv(), method, direction, kernels[i].data(), packed[i].get(), pool);
      weights[i] = {packed[i].get(), gammas[i].data(), betas[i].data()};
    }
    if (direction == ReflectConv2DDirection::kForward) {
      Memory scratch(ResidualBlockForwardScratchBytes(shape, method, true, pool.num_threads()));
      ResidualBlockForward(shape, method, kEpsilon, DType::kFloat32, x.data(), weights, results[0].data(), saved,
                           scratch.get(), pool);
    } else {
      Memory scratch(ResidualBlockBackwardScratchBytes(shape, method, pool.num_threads()));
      ResidualBlockBackward(shape, method, kEpsilon, dy.data(), x.data(), weights, saved, results[1].data(), gradients,
                            scratch.get(), pool);
    }
  }
  return results;
}

// Not bit for bit: the vectors that add up statistics fuse multiply-adds, the emulation's don't. That moves what is
// rounded to bfloat16 by a bit here and there. Gradients are compared with the emulation's only: against float32,
// values around zero fall on the other side of the ReLU.
void CheckBlock(const ResidualBlockShape& shape, ThreadPool& pool) {
  std::printf("residual block %dx%dx%dx%d\n", int(shape.batch), int(shape.height), int(shape.width),
              int(shape.channels));
  const std::vector<Floats> got = RunBlock(shape, AmxKernelTable(), pool);
  const std::vector<Floats> emulated = RunBlock(shape, EmulatedAmxKernels(), pool);
  const std::vector<Floats> exact = RunBlock(shape, nullptr, pool);
  const char* names[] = {"y", "dx", "dkernel1", "dkernel2", "dgamma1", "dgamma2", "dbeta1", "dbeta2"};
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = RelativeError(got[i], exact[i]), difference = RelativeError(got[i], emulated[i]);
    Expect(difference < 2e-3 && (i > 0 || error < 4e-3), names[i], i > 0 ? difference : error);
  }
}

int Main(int threads) {
  std::printf("instruction set %s\n", InstructionSet());
  if (SelectedIsa() != Isa::kAmx) return 2;
  StdThreadPool pool(threads);
  CheckConvolution({1, 8, 8, 32, 32, 3}, pool);
  CheckConvolution({2, 7, 9, 17, 37, 3}, pool);
  CheckConvolution({1, 5, 40, 64, 100, 3}, pool);
  CheckConvolution({1, 9, 8, 33, 31, 7}, pool);
  CheckConvolution({1, 4, 5, 16, 16, 5}, pool);
  CheckBlock({2, 9, 13, 40}, pool);
  CheckBlock({1, 16, 16, 64}, pool);
  std::printf(ok ? "all agree\n" : "NOT all agree\n");
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace monet

int main(int argc, char** argv) { return monet::Main(argc > 1 ? std::atoi(argv[1]) : 2); }
