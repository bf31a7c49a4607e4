#include "few_inputs_backward_input.h"

#include "../scratch.h"

namespace monet {
namespace {

// Products are added up in runs, which keeps rounding errors small.
constexpr int64_t kRun = 128;

// A worker makes a band of dx from top to bottom. At most `rows` rows of dy contribute to one row of dx: their products
// are kept, and each is overwritten by that which is `rows` further down.
struct Plan {
  Plan(const ConvGeometry& g, int threads)
      : rows(CeilDiv(g.kernel_height, g.stride)),
        pieces_per_pixel(CeilDiv(g.kernel_width, g.stride)),
        piece(g.stride * g.in_channels),
        row_columns(pieces_per_pixel * piece),
        panel(PanelWidth(g.kernel_height * row_columns)),
        columns(RoundUp(g.kernel_height * row_columns, panel)),
        pieces(CeilDiv(g.in_width + g.pad_left, g.stride)),
        pixels(pieces_per_pixel - 1 + std::max(pieces, g.out_width)) {
    // A band's first rows of dx take products that the band above has made too.
    const int64_t wanted = CeilDiv(threads > 1 ? 4 * threads : 1, std::max<int64_t>(g.batch, 1));
    bands = std::clamp<int64_t>(wanted, 1, CeilDiv(g.in_height, 8 * rows * g.stride));
  }

  int64_t rows, pieces_per_pixel;
  int64_t piece;        // floats in it
  int64_t row_columns;  // of a row of the kernel: its taps, and zeros up to whole pieces
  int64_t panel;
  int64_t columns;  // of a pixel's products: all rows of the kernel, in whole panels
  int64_t pieces;   // of a row of dx, which begins pad_left pixels into the first
  int64_t pixels;   // in a row of products: zeros before the first, and after the last where pieces go on
  int64_t bands;    // of an image
};

struct ProductScratch {
  ProductScratch(const ConvGeometry& g, const Plan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    packed = scratch.Take<float>(g.out_channels * plan.columns);
    products_size = plan.rows * plan.pixels * plan.columns;
    products = scratch.Take<float>(threads * products_size);
    line = scratch.Take<float>(threads * plan.pieces * plan.piece);
    terms = scratch.Take<const float*>(threads * plan.rows * plan.pieces_per_pixel);
    bytes = scratch.bytes();
  }

  int64_t products_size;
  float* packed;        // [panel][out_channels][panel of columns]
  float* products;      // [worker][row of dy modulo rows][pixel][columns]
  float* line;          // [worker][piece][floats]: a row of dx
  const float** terms;  // [worker][rows * pieces_per_pixel]
  size_t bytes;
};

// Columns are [row of the kernel][tap][in_channels].
void Pack(const ConvGeometry& g, const Plan& plan, const float* kernel, float* packed) {
  const int64_t C = g.in_channels, O = g.out_channels, row = g.kernel_width * C;
  std::fill_n(packed, O * plan.columns, 0.0f);
  for (int64_t i = 0; i < g.kernel_height * row; ++i) {
    const int64_t column = i / row * plan.row_columns + i % row;
    float* to = packed + column / plan.panel * O * plan.panel + column % plan.panel;
    for (int64_t o = 0; o < O; ++o) to[o * plan.panel] = kernel[i * O + o];
  }
}

// What one worker does.
class Worker {
 public:
  Worker(const ConvGeometry& geometry, const Plan& plan, const ProductScratch& scratch, int worker)
      : geometry_(geometry),
        plan_(plan),
        kernels_(SelectedConvKernels()),
        packed_(scratch.packed),
        products_(scratch.products + worker * scratch.products_size),
        line_(scratch.line + worker * plan.pieces * plan.piece),
        terms_(scratch.terms + worker * plan.rows * plan.pieces_per_pixel) {}

  // The products of one row of dy, which is number `row` of its image.
  void Multiply(const float* dy, int64_t row) const {
    const int64_t O = geometry_.out_channels;
    for (int64_t column = 0; column < plan_.columns; column += plan_.panel) {
      PanelProduct product;
      product.rows = geometry_.out_width;
      product.columns = std::min(plan_.panel, geometry_.kernel_height * plan_.row_columns - column);
      product.b_stride = plan_.panel;
      product.c = Products(row) + column;
      product.c_stride = plan_.columns;
      product.init = nullptr;
      product.init_stride = plan_.columns;
      for (int64_t o = 0; o < O; o += kRun) {
        product.b = packed_ + column * O + o * plan_.panel;
        const float* line = dy + o;
        kernels_.multiply_lines({&line, 1, O, std::min(kRun, O - o)}, product);
        product.init = product.c;
      }
    }
  }

  // Row h of an image of dx, whose last contribution is by row `last` of dy.
  void Add(int64_t h, int64_t last, float* dx) const {
    int64_t terms = 0;
    for (int64_t row = last; row > last - plan_.rows; --row) {
      const int64_t i = h + geometry_.pad_top - row * geometry_.stride;  // of the kernel's rows
      if (row < 0 || row >= geometry_.out_height || i >= geometry_.kernel_height) continue;
      for (int64_t m = 0; m < plan_.pieces_per_pixel; ++m) {
        terms_[terms++] = Products(row) - m * plan_.columns + i * plan_.row_columns + m * plan_.piece;
      }
    }
    kernels_.sum_pieces({plan_.pieces, plan_.piece, terms_, terms, plan_.columns, line_});
    std::copy_n(line_ + geometry_.pad_left * geometry_.in_channels, geometry_.in_width * geometry_.in_channels, dx);
  }

 private:
  // Those of a row's first pixel. Before it are zeros.
  float* Products(int64_t row) const {
    return products_ + (row % plan_.rows * plan_.pixels + plan_.pieces_per_pixel - 1) * plan_.columns;
  }

  const ConvGeometry& geometry_;
  const Plan& plan_;
  const ConvKernels& kernels_;
  const float* packed_;
  float* products_;
  float* line_;
  const float** terms_;
};

}  // namespace

size_t FewInputsBackwardInputScratchBytes(const ConvGeometry& geometry, int threads) {
  return ProductScratch(geometry, Plan(geometry, threads), threads, nullptr).bytes;
}

void FewInputsBackwardInput(const ConvGeometry& geometry, const float* dy, const float* kernel, float* dx, void* memory,
                            ThreadPool& pool) {
  const ConvGeometry& g = geometry;
  const Plan plan(g, pool.num_threads());
  const ProductScratch scratch(g, plan, pool.num_threads(), memory);
  Pack(g, plan, kernel, scratch.packed);
  std::fill_n(scratch.products, pool.num_threads() * scratch.products_size, 0.0f);

  ForItems(pool, g.batch * plan.bands, [&](int worker, int64_t item) {
    const Worker work(g, plan, scratch, worker);
    const int64_t n = item / plan.bands, band = item % plan.bands;
    const int64_t begin = band * g.in_height / plan.bands, end = (band + 1) * g.in_height / plan.bands;
    int64_t next = std::max<int64_t>((begin + g.pad_top) / g.stride - plan.rows + 1, 0);  // row of dy to multiply
    for (int64_t h = begin; h < end; ++h) {
      const int64_t last = (h + g.pad_top) / g.stride;
      for (; next <= std::min(last, g.out_height - 1); ++next) {
        work.Multiply(dy + (n * g.out_height + next) * g.out_width * g.out_channels, next);
      }
      work.Add(h, last, dx + (n * g.in_height + h) * g.in_width * g.in_channels);
    }
  });
}

}  // namespace monet
