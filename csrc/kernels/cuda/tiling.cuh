// How the kernels cut an image into work, and where a thread stands in it.
//
// An NHWC image is a matrix: a row per pixel, a column per channel. A block takes the pixels of one chunk and the
// channels of one tile; one image alone makes enough blocks to fill a GPU.
//
//              channels
//            +-----------------+-----------------+
//     pixels | chunk 0, tile 0 | chunk 0, tile 1 |       blockIdx.x = chunk * tiles + tile
//            +-----------------+-----------------+       blockIdx.y = image, image + gridDim.y, ...
//            | chunk 1, tile 0 | chunk 1, tile 1 |
//            +-----------------+-----------------+
//
// Within a block a thread owns a vector of `width` neighbouring channels (16 bytes where that is possible) of every
// rows-th pixel. Neighbouring threads are neighbouring channels, so that a warp's accesses are contiguous.
//
//                              columns = 4 (4 * width channels)
//     pixel 0                  t0   t1   t2   t3
//     pixel 1                  t4   t5   t6   t7
//     ...                                              rows = 256 / columns
//     pixel rows - 1           t252 t253 t254 t255
//     pixel rows               t0   t1   t2   t3
#pragma once

#include <algorithm>
#include <cstdint>

#include "platform.cuh"

namespace monet {

constexpr int kThreads = 256;

// Blocks of a kernel with much state that a multiprocessor should hold at least: 3 leave 80 registers to a thread.
constexpr int kResidentBlocks = 3;

// How many vectors a thread has in flight, to hide the latency of memory: 4 pixels of one tensor, or 2 of two or three.
// More would cost registers, and with them resident threads.
constexpr int kPixelsInFlight = 4;
constexpr int kPixelsOfManyInFlight = 2;

// Pixels are counted by 32-bit numbers, elements by 64-bit ones. With this limit no sum of indices overflows.
constexpr int64_t kMostPixels = int64_t{1} << 30;
constexpr int64_t kMostOfASize = int64_t{1} << 29;

struct Chunks {
  int pixels;  // of an image
  int length;  // pixels of a chunk; the last one may be shorter
  int count;
};

// Depends on the shape alone: neither on dtype and alignment (the chunks determine how much scratch memory is needed)
// nor on the GPU (all should compute the same).
inline Chunks CutIntoChunks(int64_t images, int64_t pixels, int64_t channels) {
  // Twice what a T4 holds at once of blocks with up to 64 registers a thread: 40 multiprocessors with 4 each. An H100,
  // with 132 of them, still has 2 blocks on each, that is 32 KiB of loads in flight.
  constexpr int64_t kBlocks = 320;
  constexpr int64_t kTileChannels = 256;
  // Less work wouldn't be worth a block: four 16-byte vectors of 16-bit values for every thread.
  constexpr int64_t kLeastElements = kThreads * 8 * kPixelsInFlight;
  const auto divide_up = [](int64_t a, int64_t b) { return (a + b - 1) / b; };

  if (images * pixels * channels == 0) return {static_cast<int>(pixels), 1, 0};
  const int64_t tiles = divide_up(channels, kTileChannels);
  const int64_t wanted = std::max<int64_t>(1, kBlocks / std::min(kBlocks, images * tiles));
  const int64_t shortest = divide_up(kLeastElements, std::min(channels, kTileChannels));
  const int64_t length = std::max(divide_up(pixels, wanted), shortest);
  return {static_cast<int>(pixels), static_cast<int>(length), static_cast<int>(divide_up(pixels, length))};
}

// Where a pixel begins. One multiplication of 32-bit numbers with a 64-bit result.
__host__ __device__ inline int64_t Offset(int pixel, int channels) { return static_cast<int64_t>(pixel) * channels; }

struct Tiling {
  int images;
  Chunks chunks;
  int channels;
  int tiles;
  int columns;  // threads side by side, each with a vector of channels
  int rows;     // pixels that a block visits at once

  Tiling(int64_t images, const Chunks& chunks, int64_t channels, int width)
      : images(static_cast<int>(images)), chunks(chunks) {
    const int64_t vectors = channels / width;
    this->channels = static_cast<int>(channels);
    columns = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(vectors, 32)));
    rows = kThreads / columns;
    tiles = static_cast<int>((vectors + columns - 1) / columns);
  }

  // Where there are many small images, a block takes several of them, one after the other.
  LaunchShape Grid() const {
    constexpr int64_t kMostBlocks = 4096;
    const int64_t per_image = Offset(chunks.count, tiles);
    if (per_image == 0) return {0, 0, kThreads};
    return {per_image, std::min<int64_t>(images, std::max<int64_t>(1, kMostBlocks / per_image)), kThreads};
  }
};

// A thread's place in its block's tile.
struct Place {
  int chunk, begin, end;  // pixels [begin, end) are the block's
  int row, column;        // pixels begin + row, begin + row + rows, ... are the thread's
  int channel;            // so are `width` channels from here
  bool active;            // false for threads left over where the tile is narrower

  __device__ Place(const Tiling& tiling, int width, unsigned block) {
    const unsigned tile = block % static_cast<unsigned>(tiling.tiles);
    chunk = static_cast<int>(block / static_cast<unsigned>(tiling.tiles));
    begin = chunk * tiling.chunks.length;
    end = min(begin + tiling.chunks.length, tiling.chunks.pixels);
    row = static_cast<int>(threadIdx.x / static_cast<unsigned>(tiling.columns));
    column = static_cast<int>(threadIdx.x % static_cast<unsigned>(tiling.columns));
    channel = (static_cast<int>(tile) * tiling.columns + column) * width;
    active = row < tiling.rows && channel < tiling.channels;
  }

 private:
  __device__ static int min(int a, int b) { return a < b ? a : b; }
};

// Row and column in the image of every step-th pixel, with two divisions for all.
struct PixelWalker {
  int h, w;

  __device__ PixelWalker(int pixel, int width, int step)
      : h(Divide(pixel, width)),
        w(pixel - h * width),
        width_(width),
        step_h_(Divide(step, width)),
        step_w_(step - step_h_ * width) {}

  __device__ void Advance() {
    h += step_h_;
    w += step_w_;
    if (w >= width_) {
      w -= width_;
      ++h;
    }
  }

 private:
  // Signs cost instructions.
  __device__ static int Divide(int a, int b) {
    return static_cast<int>(static_cast<unsigned>(a) / static_cast<unsigned>(b));
  }

  int width_, step_h_, step_w_;
};

}  // namespace monet
