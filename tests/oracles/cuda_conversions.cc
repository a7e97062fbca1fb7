// Writes tables of CUDA's host conversions to and from E2M1 and E4M3. Usage: cuda_conversions DIR
//
// Only the host code of cuda_fp4.h, cuda_fp8.h and cuda_bf16.h runs; no GPU and no CUDA library is
// needed. All results are CUDA's: -0.0 keeps its sign, and a NaN of either sign becomes code 7 (+6)
// in E2M1 and 0x7F in E4M3.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp4.h>
#include <cuda_fp8.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

namespace {

constexpr int kE2m1Magnitudes = 8;
constexpr int kE4m3Magnitudes = 127;

struct Case {
  float input;
  uint8_t code;
  uint8_t zero[3];
};
static_assert(sizeof(Case) == 8);

uint8_t ToE2m1(float x) { return __nv_cvt_float_to_fp4(x, __NV_E2M1, cudaRoundNearest); }

uint8_t ToE4m3(float x) { return __nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E4M3); }

float FromE2m1(int code) {
  return __half2float(__half(__nv_cvt_fp4_to_halfraw(static_cast<uint8_t>(code), __NV_E2M1)));
}

float FromE4m3(int code) {
  return __half2float(__half(__nv_cvt_fp8_to_halfraw(static_cast<uint8_t>(code), __NV_E4M3)));
}

// Converts every BF16 bit pattern.
template <typename Convert>
std::vector<uint8_t> TableOfBf16(Convert convert) {
  std::vector<uint8_t> codes;
  for (int bits = 0; bits < 65536; ++bits) {
    __nv_bfloat16_raw raw;
    raw.x = static_cast<unsigned short>(bits);
    codes.push_back(convert(raw));
  }
  return codes;
}

template <typename Decode>
std::vector<float> TableOfCodes(int count, Decode decode) {
  std::vector<float> values;
  for (int code = 0; code < count; ++code) values.push_back(decode(code));
  return values;
}

// Values where rounding changes, each with its two neighbours and in both signs: the grid itself,
// the midpoints of the grid and beyond its end, and the extremes of float.
template <typename Decode, typename Convert>
std::vector<Case> FloatCases(int magnitudes, Decode decode, Convert convert) {
  using Limits = std::numeric_limits<float>;
  std::vector<float> centres = {
      Limits::denorm_min(), Limits::min(), 1e-40f, Limits::epsilon(), 1e10f, 1e30f, Limits::max()};
  for (int code = 0; code < magnitudes; ++code) centres.push_back(decode(code));
  for (int code = 0; code + 1 < magnitudes; ++code) {
    centres.push_back((decode(code) + decode(code + 1)) / 2);
  }
  const float last = decode(magnitudes - 1);
  const float last_step = last - decode(magnitudes - 2);
  for (float steps : {0.5f, 1.0f, 1.5f, 2.0f}) centres.push_back(last + steps * last_step);

  std::vector<float> inputs = {Limits::infinity(), -Limits::infinity()};
  for (uint32_t nan : {0x7FC00000u, 0xFFC00000u, 0x7F800001u, 0xFF800001u, 0x7FFFFFFFu}) {
    inputs.push_back(std::bit_cast<float>(nan));
  }
  for (float centre : centres) {
    for (float x : {std::nextafter(centre, -1.0f), centre, std::nextafter(centre, Limits::max())}) {
      inputs.push_back(x);
      inputs.push_back(-x);
    }
  }

  std::vector<Case> cases;
  for (float x : inputs) cases.push_back({x, convert(x), {}});
  return cases;
}

template <typename T>
void Write(const std::string& directory, const char* name, const std::vector<T>& items) {
  std::ofstream file(directory + "/" + name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(items.data()),
             static_cast<std::streamsize>(items.size() * sizeof(T)));
  std::printf("%s: %zu items of %zu bytes\n", name, items.size(), sizeof(T));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIR\n", argv[0]);
    return 2;
  }
  const std::string directory = argv[1];
  Write(directory, "bf16_to_e2m1.bin", TableOfBf16([](__nv_bfloat16_raw x) {
          return __nv_cvt_bfloat16raw_to_fp4(x, __NV_E2M1, cudaRoundNearest);
        }));
  Write(directory, "bf16_to_e4m3_satfinite.bin", TableOfBf16([](__nv_bfloat16_raw x) {
          return __nv_cvt_bfloat16raw_to_fp8(x, __NV_SATFINITE, __NV_E4M3);
        }));
  Write(directory, "bf16_to_e4m3_nosat.bin", TableOfBf16([](__nv_bfloat16_raw x) {
          return __nv_cvt_bfloat16raw_to_fp8(x, __NV_NOSAT, __NV_E4M3);
        }));
  Write(directory, "e2m1_to_f32.bin", TableOfCodes(16, FromE2m1));
  Write(directory, "e4m3_to_f32.bin", TableOfCodes(256, FromE4m3));
  Write(directory, "f32_to_e2m1_cases.bin", FloatCases(kE2m1Magnitudes, FromE2m1, ToE2m1));
  Write(directory, "f32_to_e4m3_cases.bin", FloatCases(kE4m3Magnitudes, FromE4m3, ToE4m3));
  return 0;
}
