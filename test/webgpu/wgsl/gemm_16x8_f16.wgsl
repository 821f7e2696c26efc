// 1 x 4 x 1 workgroups; N = 64, K = 64, pixels = 50, blocksAt = 16
enable f16;
override N: u32;
override K: u32;
override pixels: u32;
override blocksAt: u32;
@group(0) @binding(0) var<storage, read> c0: array<f32>;
@group(0) @binding(1) var<storage, read_write> v1: array<f32>;
@group(0) @binding(2) var<storage, read> c2: array<u32>;
@group(0) @binding(3) var<storage, read> c3: array<vec4<f16>>;
@group(0) @binding(4) var<storage, read_write> v4: array<f32>;
fn at_row(c: u32, p: u32) -> f32 {
  if (p >= pixels || c >= K) { return 0.0; }
  return v1[p * K + c];
}
fn erf(x: f32) -> f32 {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - p * exp(-a * a));
}
fn gelu(x: f32) -> f32 { return 0.5 * x * (1.0 + erf(x * 0.7071067812)); }
var<workgroup> xs: array<vec4<f16>, 128>; // [8 inputs][quads of pixels]
var<workgroup> ws: array<vec4<f16>, 32>; // [8 inputs][outputs]

fn store(i: u32, result: f32) {
  let r0: f32 = result;
  let r1: f32 = gelu(r0);
  v4[i] = r1;
}
fn put(m: u32, pixel: u32, sum: vec4<f32>) {
  for (var j = 0u; j < 4u; j++) {
    let p = pixel + j;
    if (p < pixels) { store(p * N + m, sum[j] + c0[m]); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = group.y * 4u;
  let first = c2[row];
  let end = c2[row + 1u];
  let quad = t % 16u;
  let part = t / 16u;
  let pixel = (group.x * 16u + quad) * 4u;

  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var block = first; block < end; block += 1u) {
    workgroupBarrier();
    for (var n = part; n < 8u; n += 4u) {
      let word = c2[blocksAt + block + n / 8u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + n % 8u;
      xs[n * 16u + quad] = vec4<f16>(vec4<f32>(at_row(c, pixel), at_row(c, pixel + 1u), at_row(c, pixel + 2u), at_row(c, pixel + 3u)));
    }
    for (var n = t; n < 32u; n += 64u) {
      ws[n] = c3[block * 32u + n];
    }
    workgroupBarrier();
    for (var n = 0u; n < 8u; n++) {
      let x = vec4<f32>(xs[n * 16u + quad]);
      let w0 = vec4<f32>(ws[n * 4u + part * 1u + 0u]);
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
    }
  }
  let output = c2[row + 2u] + part * 4u;
  let outputs = c2[row + 3u];
  var sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var r = 0u; r < 4u; r++) {
    if (part * 4u + r < outputs) { put(output + r, pixel, sums[r]); }
  }
}
