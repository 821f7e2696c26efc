// 2 x 4 x 1 workgroups; inC = 64, inArea = 196, outArea = 196, outC = 64, pixels = 196, blocksAt = 16, alpha = 1
override inC: u32;
override inArea: u32;
override outArea: u32;
override outC: u32;
override pixels: u32;
override blocksAt: u32;
override alpha: f32;
@group(0) @binding(0) var<storage, read_write> v0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> c1: array<u32>;
@group(0) @binding(2) var<storage, read> c2: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> v3: array<f32>;
fn quad_of(c: u32, at: u32, isInside: bool) -> vec4<f32> {
  if (!isInside || c >= inC) { return vec4<f32>(); }
  return v0[(at + c * inArea) / 4u];
}
fn swish(x: f32, alpha: f32) -> f32 { return x / (1.0 + exp(-alpha * x)); }
var<workgroup> xs: array<vec4<f32>, 256>; // [8 inputs][quads of pixels]
var<workgroup> ws: array<vec4<f32>, 32>; // [8 inputs][outputs]

fn store(i: u32, result: f32) {
  let r0: f32 = result;
  let r1: f32 = swish(r0, alpha);
  v3[i] = r1;
}
fn put(m: u32, pixel: u32, sum: vec4<f32>) {
  for (var j = 0u; j < 4u; j++) {
    let p = pixel + j;
    if (p < pixels) { store(((p / outArea) * outC + m) * outArea + p % outArea, sum[j]); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = group.y * 4u;
  let first = c1[row];
  let end = c1[row + 1u];
  let quad = t % 32u;
  let part = t / 32u;
  let pixel = (group.x * 32u + quad) * 4u;
  let isInside = pixel < pixels;
  let at = (pixel / outArea) * inC * inArea + pixel % outArea;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  var sum4 = vec4<f32>();
  var sum5 = vec4<f32>();
  var sum6 = vec4<f32>();
  var sum7 = vec4<f32>();
  for (var block = first; block < end; block += 1u) {
    workgroupBarrier();
    for (var n = part; n < 8u; n += 2u) {
      let word = c1[blocksAt + block + n / 8u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + n % 8u;
      xs[n * 32u + quad] = quad_of(c, at, isInside);
    }
    for (var n = t; n < 32u; n += 64u) {
      ws[n] = c2[block * 32u + n];
    }
    workgroupBarrier();
    for (var n = 0u; n < 8u; n++) {
      let x = xs[n * 32u + quad];
      let w0 = ws[n * 4u + part * 2u + 0u];
      let w1 = ws[n * 4u + part * 2u + 1u];
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
      sum4 = fma(vec4<f32>(w1.x), x, sum4);
      sum5 = fma(vec4<f32>(w1.y), x, sum5);
      sum6 = fma(vec4<f32>(w1.z), x, sum6);
      sum7 = fma(vec4<f32>(w1.w), x, sum7);
    }
  }
  let output = c1[row + 2u] + part * 8u;
  let outputs = c1[row + 3u];
  var sums = array<vec4<f32>, 8>(sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7);
  for (var r = 0u; r < 8u; r++) {
    if (part * 8u + r < outputs) { put(output + r, pixel, sums[r]); }
  }
}
