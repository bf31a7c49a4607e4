// Stands in for the CUDA driver where there is none, so that `gpu.py --emulate` runs the same code as on a GPU: device
// memory is host memory, work is done when it is queued, and replaying a graph does nothing.
#include <chrono>
#include <cstdlib>
#include <cstring>

using CUresult = int;
using CUdevice = int;
using CUdevice_attribute = int;
using CUdeviceptr = unsigned long long;
using CUstreamCaptureMode = int;
using CUcontext = struct CUctx_st*;
using CUevent = struct CUevent_st*;
using CUstream = struct CUstream_st*;
using CUgraph = struct CUgraph_st*;
using CUgraphExec = struct CUgraphExec_st*;

static const auto kSuccess = static_cast<CUresult>(0);
static const auto kInvalidValue = static_cast<CUresult>(1);

template <typename Handle>
static CUresult Create(Handle* handle) {
  *handle = static_cast<Handle>(std::calloc(1, sizeof(double)));
  return kSuccess;
}

template <typename Handle>
static CUresult Destroy(Handle handle) {
  std::free(handle);
  return kSuccess;
}

static double& TimeOf(CUevent event) { return *reinterpret_cast<double*>(event); }

static CUresult Copy(void* to, const void* from, size_t bytes) {
  std::memcpy(to, from, bytes);
  return kSuccess;
}

static void* Host(CUdeviceptr pointer) { return reinterpret_cast<void*>(pointer); }

static CUstream capturing = nullptr;

extern "C" {

CUresult cuInit(unsigned) { return kSuccess; }
CUresult cuGetErrorString(CUresult, const char** text) {
  *text = "invalid value";
  return kSuccess;
}
CUresult cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
CUresult cuDeviceGetCount(int* count) {
  *count = 1;
  return kSuccess;
}
CUresult cuDeviceGet(CUdevice* device, int) {
  *device = 0;
  return kSuccess;
}
CUresult cuDeviceGetName(char* name, int length, CUdevice) {
  std::strncpy(name, "emulator", static_cast<size_t>(length));
  return kSuccess;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
  const int number = static_cast<int>(attribute);
  *value = number == 75 ? 7 : number == 76 ? 5 : number == 38 ? 4096 : 1;  // sm_75, a tiny L2 cache
  return kSuccess;
}
CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice) {
  *bytes = size_t{1} << 30;
  return kSuccess;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) { return Create(context); }
CUresult cuCtxSetCurrent(CUcontext) { return kSuccess; }
CUresult cuCtxSynchronize() { return kSuccess; }

CUresult cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes) {
  void* memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  *pointer = reinterpret_cast<CUdeviceptr>(memory);
  return memory ? kSuccess : kInvalidValue;
}
CUresult cuMemFree_v2(CUdeviceptr pointer) { return Destroy(Host(pointer)); }
CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) { return Copy(Host(to), from, bytes); }
CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) { return Copy(to, Host(from), bytes); }
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream) {
  return Copy(Host(to), Host(from), bytes);
}

CUresult cuEventCreate(CUevent* event, unsigned) { return Create(event); }
CUresult cuEventRecord(CUevent event, CUstream) {
  TimeOf(event) =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
  return kSuccess;
}
CUresult cuEventSynchronize(CUevent) { return kSuccess; }
CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  *milliseconds = static_cast<float>(TimeOf(end) - TimeOf(start)) + 1e-4f;
  return kSuccess;
}

CUresult cuStreamCreate(CUstream* stream, unsigned) { return Create(stream); }
CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode) {
  if (!stream || capturing) return kInvalidValue;
  capturing = stream;
  return kSuccess;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  if (capturing != stream) return kInvalidValue;
  capturing = nullptr;
  return Create(graph);
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
  return graph ? Create(executable) : kInvalidValue;
}
CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) {
  return executable && stream ? kSuccess : kInvalidValue;
}
CUresult cuGraphDestroy(CUgraph graph) { return Destroy(graph); }

}  // extern "C"
