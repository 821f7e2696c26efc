// 4 x 4 x 1 workgroups; inC = 64, inArea = 784, outArea = 784, outC = 64, pixels = 784, blocksAt = 16, alpha = 1
enable subgroups;
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
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) t: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let row = group.y * 4u;
  let first = c1[row];
  let end = c1[row + 1u];
  let own = lane % 32u;
  let pixel = (group.x * 64u + t) * 4u;
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
  var sum8 = vec4<f32>();
  var sum9 = vec4<f32>();
  var sum10 = vec4<f32>();
  var sum11 = vec4<f32>();
  var sum12 = vec4<f32>();
  var sum13 = vec4<f32>();
  var sum14 = vec4<f32>();
  var sum15 = vec4<f32>();
  for (var block = first; block < end; block += 1u) {
    let held0 = c2[block * 32u + 0u + own];
    {
      let word = c1[blocksAt + block + 0u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + 0u;
      let x = quad_of(c, at, isInside);
      let w0 = subgroupBroadcast(held0, 0u);
      let w1 = subgroupBroadcast(held0, 1u);
      let w2 = subgroupBroadcast(held0, 2u);
      let w3 = subgroupBroadcast(held0, 3u);
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
      sum4 = fma(vec4<f32>(w1.x), x, sum4);
      sum5 = fma(vec4<f32>(w1.y), x, sum5);
      sum6 = fma(vec4<f32>(w1.z), x, sum6);
      sum7 = fma(vec4<f32>(w1.w), x, sum7);
      sum8 = fma(vec4<f32>(w2.x), x, sum8);
      sum9 = fma(vec4<f32>(w2.y), x, sum9);
      sum10 = fma(vec4<f32>(w2.z), x, sum10);
      sum11 = fma(vec4<f32>(w2.w), x, sum11);
      sum12 = fma(vec4<f32>(w3.x), x, sum12);
      sum13 = fma(vec4<f32>(w3.y), x, sum13);
      sum14 = fma(vec4<f32>(w3.z), x, sum14);
      sum15 = fma(vec4<f32>(w3.w), x, sum15);
    }
    {
      let word = c1[blocksAt + block + 0u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + 1u;
      let x = quad_of(c, at, isInside);
      let w0 = subgroupBroadcast(held0, 4u);
      let w1 = subgroupBroadcast(held0, 5u);
      let w2 = subgroupBroadcast(held0, 6u);
      let w3 = subgroupBroadcast(held0, 7u);
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
      sum4 = fma(vec4<f32>(w1.x), x, sum4);
      sum5 = fma(vec4<f32>(w1.y), x, sum5);
      sum6 = fma(vec4<f32>(w1.z), x, sum6);
      sum7 = fma(vec4<f32>(w1.w), x, sum7);
      sum8 = fma(vec4<f32>(w2.x), x, sum8);
      sum9 = fma(vec4<f32>(w2.y), x, sum9);
      sum10 = fma(vec4<f32>(w2.z), x, sum10);
      sum11 = fma(vec4<f32>(w2.w), x, sum11);
      sum12 = fma(vec4<f32>(w3.x), x, sum12);
      sum13 = fma(vec4<f32>(w3.y), x, sum13);
      sum14 = fma(vec4<f32>(w3.z), x, sum14);
      sum15 = fma(vec4<f32>(w3.w), x, sum15);
    }
    {
      let word = c1[blocksAt + block + 0u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + 2u;
      let x = quad_of(c, at, isInside);
      let w0 = subgroupBroadcast(held0, 8u);
      let w1 = subgroupBroadcast(held0, 9u);
      let w2 = subgroupBroadcast(held0, 10u);
      let w3 = subgroupBroadcast(held0, 11u);
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
      sum4 = fma(vec4<f32>(w1.x), x, sum4);
      sum5 = fma(vec4<f32>(w1.y), x, sum5);
      sum6 = fma(vec4<f32>(w1.z), x, sum6);
      sum7 = fma(vec4<f32>(w1.w), x, sum7);
      sum8 = fma(vec4<f32>(w2.x), x, sum8);
      sum9 = fma(vec4<f32>(w2.y), x, sum9);
      sum10 = fma(vec4<f32>(w2.z), x, sum10);
      sum11 = fma(vec4<f32>(w2.w), x, sum11);
      sum12 = fma(vec4<f32>(w3.x), x, sum12);
      sum13 = fma(vec4<f32>(w3.y), x, sum13);
      sum14 = fma(vec4<f32>(w3.z), x, sum14);
      sum15 = fma(vec4<f32>(w3.w), x, sum15);
    }
    {
      let word = c1[blocksAt + block + 0u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + 3u;
      let x = quad_of(c, at, isInside);
      let w0 = subgroupBroadcast(held0, 12u);
      let w1 = subgroupBroadcast(held0, 13u);
      let w2 = subgroupBroadcast(held0, 14u);
      let w3 = subgroupBroadcast(held0, 15u);
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
      sum4 = fma(vec4<f32>(w1.x), x, sum4);
      sum5 = fma(vec4<f32>(w1.y), x, sum5);
      sum6 = fma(vec4<f32>(w1.z), x, sum6);
      sum7 = fma(vec4<f32>(w1.w), x, sum7);
      sum8 = fma(vec4<f32>(w2.x), x, sum8);
      sum9 = fma(vec4<f32>(w2.y), x, sum9);
      sum10 = fma(vec4<f32>(w2.z), x, sum10);
      sum11 = fma(vec4<f32>(w2.w), x, sum11);
      sum12 = fma(vec4<f32>(w3.x), x, sum12);
      sum13 = fma(vec4<f32>(w3.y), x, sum13);
      sum14 = fma(vec4<f32>(w3.z), x, sum14);
      sum15 = fma(vec4<f32>(w3.w), x, sum15);
    }
    {
      let word = c1[blocksAt + block + 0u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + 4u;
      let x = quad_of(c, at, isInside);
      let w0 = subgroupBroadcast(held0, 16u);
      let w1 = subgroupBroadcast(held0, 17u);
      let w2 = subgroupBroadcast(held0, 18u);
      let w3 = subgroupBroadcast(held0, 19u);
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
      sum4 = fma(vec4<f32>(w1.x), x, sum4);
      sum5 = fma(vec4<f32>(w1.y), x, sum5);
      sum6 = fma(vec4<f32>(w1.z), x, sum6);
      sum7 = fma(vec4<f32>(w1.w), x, sum7);
      sum8 = fma(vec4<f32>(w2.x), x, sum8);
      sum9 = fma(vec4<f32>(w2.y), x, sum9);
      sum10 = fma(vec4<f32>(w2.z), x, sum10);
      sum11 = fma(vec4<f32>(w2.w), x, sum11);
      sum12 = fma(vec4<f32>(w3.x), x, sum12);
      sum13 = fma(vec4<f32>(w3.y), x, sum13);
      sum14 = fma(vec4<f32>(w3.z), x, sum14);
      sum15 = fma(vec4<f32>(w3.w), x, sum15);
    }
    {
      let word = c1[blocksAt + block + 0u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + 5u;
      let x = quad_of(c, at, isInside);
      let w0 = subgroupBroadcast(held0, 20u);
      let w1 = subgroupBroadcast(held0, 21u);
      let w2 = subgroupBroadcast(held0, 22u);
      let w3 = subgroupBroadcast(held0, 23u);
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
      sum4 = fma(vec4<f32>(w1.x), x, sum4);
      sum5 = fma(vec4<f32>(w1.y), x, sum5);
      sum6 = fma(vec4<f32>(w1.z), x, sum6);
      sum7 = fma(vec4<f32>(w1.w), x, sum7);
      sum8 = fma(vec4<f32>(w2.x), x, sum8);
      sum9 = fma(vec4<f32>(w2.y), x, sum9);
      sum10 = fma(vec4<f32>(w2.z), x, sum10);
      sum11 = fma(vec4<f32>(w2.w), x, sum11);
      sum12 = fma(vec4<f32>(w3.x), x, sum12);
      sum13 = fma(vec4<f32>(w3.y), x, sum13);
      sum14 = fma(vec4<f32>(w3.z), x, sum14);
      sum15 = fma(vec4<f32>(w3.w), x, sum15);
    }
    {
      let word = c1[blocksAt + block + 0u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + 6u;
      let x = quad_of(c, at, isInside);
      let w0 = subgroupBroadcast(held0, 24u);
      let w1 = subgroupBroadcast(held0, 25u);
      let w2 = subgroupBroadcast(held0, 26u);
      let w3 = subgroupBroadcast(held0, 27u);
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
      sum4 = fma(vec4<f32>(w1.x), x, sum4);
      sum5 = fma(vec4<f32>(w1.y), x, sum5);
      sum6 = fma(vec4<f32>(w1.z), x, sum6);
      sum7 = fma(vec4<f32>(w1.w), x, sum7);
      sum8 = fma(vec4<f32>(w2.x), x, sum8);
      sum9 = fma(vec4<f32>(w2.y), x, sum9);
      sum10 = fma(vec4<f32>(w2.z), x, sum10);
      sum11 = fma(vec4<f32>(w2.w), x, sum11);
      sum12 = fma(vec4<f32>(w3.x), x, sum12);
      sum13 = fma(vec4<f32>(w3.y), x, sum13);
      sum14 = fma(vec4<f32>(w3.z), x, sum14);
      sum15 = fma(vec4<f32>(w3.w), x, sum15);
    }
    {
      let word = c1[blocksAt + block + 0u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + 7u;
      let x = quad_of(c, at, isInside);
      let w0 = subgroupBroadcast(held0, 28u);
      let w1 = subgroupBroadcast(held0, 29u);
      let w2 = subgroupBroadcast(held0, 30u);
      let w3 = subgroupBroadcast(held0, 31u);
      sum0 = fma(vec4<f32>(w0.x), x, sum0);
      sum1 = fma(vec4<f32>(w0.y), x, sum1);
      sum2 = fma(vec4<f32>(w0.z), x, sum2);
      sum3 = fma(vec4<f32>(w0.w), x, sum3);
      sum4 = fma(vec4<f32>(w1.x), x, sum4);
      sum5 = fma(vec4<f32>(w1.y), x, sum5);
      sum6 = fma(vec4<f32>(w1.z), x, sum6);
      sum7 = fma(vec4<f32>(w1.w), x, sum7);
      sum8 = fma(vec4<f32>(w2.x), x, sum8);
      sum9 = fma(vec4<f32>(w2.y), x, sum9);
      sum10 = fma(vec4<f32>(w2.z), x, sum10);
      sum11 = fma(vec4<f32>(w2.w), x, sum11);
      sum12 = fma(vec4<f32>(w3.x), x, sum12);
      sum13 = fma(vec4<f32>(w3.y), x, sum13);
      sum14 = fma(vec4<f32>(w3.z), x, sum14);
      sum15 = fma(vec4<f32>(w3.w), x, sum15);
    }
  }
  let output = c1[row + 2u];
  let outputs = c1[row + 3u];
  var sums = array<vec4<f32>, 16>(sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7, sum8, sum9, sum10, sum11, sum12, sum13, sum14, sum15);
  for (var r = 0u; r < 16u; r++) {
    if (r < outputs) { put(output + r, pixel, sums[r]); }
  }
}
