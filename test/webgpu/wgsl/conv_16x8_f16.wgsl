// 2 x 4 x 1 workgroups; inC = 64, inArea = 196, outArea = 196, outC = 64, iH = 14, iW = 14, oW = 14, pixels = 196, strideY = 1, padY = 1, strideX = 1, padX = 1, kW = 3, dilationY = 1, dilationX = 1, blocksAt = 16
enable f16;
override inC: u32;
override inArea: u32;
override outArea: u32;
override outC: u32;
override iH: i32;
override iW: i32;
override oW: u32;
override pixels: u32;
override strideY: u32;
override padY: i32;
override strideX: u32;
override padX: i32;
override kW: u32;
override dilationY: u32;
override dilationX: u32;
override blocksAt: u32;
@group(0) @binding(0) var<storage, read> c0: array<f32>;
@group(0) @binding(1) var<storage, read_write> v1: array<f32>;
@group(0) @binding(2) var<storage, read> c2: array<u32>;
@group(0) @binding(3) var<storage, read> c3: array<vec4<f16>>;
@group(0) @binding(4) var<storage, read_write> v4: array<f32>;
@group(0) @binding(5) var<storage, read_write> v5: array<f32>;
fn corner(pixel: u32) -> vec3<i32> {
  if (pixel >= pixels) { return vec3<i32>(-0x40000000, 0, 0); }
  let own = pixel % outArea;
  let y = i32((own / oW) * strideY) - padY;
  let x = i32((own % oW) * strideX) - padX;
  return vec3<i32>(y, x, i32((pixel / outArea) * inC * inArea));
}
fn at_tap(corner: vec3<i32>, shift: vec2<i32>, c: u32) -> f32 {
  let place = corner.xy + shift;
  if (place.x < 0 || place.y < 0 || place.x >= iH || place.y >= iW) { return 0.0; }
  return v1[u32(corner.z + place.x * iW + place.y) + c * inArea];
}
fn quad_of(corners: array<vec3<i32>, 4>, tap: u32, c: u32) -> vec4<f32> {
  if (c >= inC) { return vec4<f32>(); }
  let shift = vec2<i32>(i32((tap / kW) * dilationY), i32((tap % kW) * dilationX));
  return vec4<f32>(at_tap(corners[0], shift, c), at_tap(corners[1], shift, c), at_tap(corners[2], shift, c), at_tap(corners[3], shift, c));
}
var<workgroup> xs: array<vec4<f16>, 256>; // [8 inputs][quads of pixels]
var<workgroup> ws: array<vec4<f16>, 32>; // [8 inputs][outputs]

fn store(i: u32, result: f32) {
  let r0: f32 = result;
  let r1: f32 = r0 + v5[i];
  let r2: f32 = max(r1, 0.0);
  v4[i] = r2;
}
fn put(m: u32, pixel: u32, sum: vec4<f32>) {
  for (var j = 0u; j < 4u; j++) {
    let p = pixel + j;
    if (p < pixels) { store(((p / outArea) * outC + m) * outArea + p % outArea, sum[j] + c0[m]); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = group.y * 4u;
  let first = c2[row];
  let end = c2[row + 1u];
  let quad = t % 32u;
  let part = t / 32u;
  let pixel = (group.x * 32u + quad) * 4u;
  let corners = array<vec3<i32>, 4>(corner(pixel), corner(pixel + 1u), corner(pixel + 2u), corner(pixel + 3u));
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
      let word = c2[blocksAt + block + n / 8u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + n % 8u;
      xs[n * 32u + quad] = vec4<f16>(quad_of(corners, tap, c));
    }
    for (var n = t; n < 32u; n += 64u) {
      ws[n] = c3[block * 32u + n];
    }
    workgroupBarrier();
    for (var n = 0u; n < 8u; n++) {
      let x = vec4<f32>(xs[n * 32u + quad]);
      let w0 = vec4<f32>(ws[n * 4u + part * 2u + 0u]);
      let w1 = vec4<f32>(ws[n * 4u + part * 2u + 1u]);
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
  let output = c2[row + 2u] + part * 8u;
  let outputs = c2[row + 3u];
  var sums = array<vec4<f32>, 8>(sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7);
  for (var r = 0u; r < 8u; r++) {
    if (part * 8u + r < outputs) { put(output + r, pixel, sums[r]); }
  }
}
