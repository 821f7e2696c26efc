// 50 x 1 x 1 workgroups; epsilon = 0.00001, across = 50, lines = 50, count = 64
override epsilon: f32;
override across: u32;
override lines: u32;
override count: u32;
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read> c1: array<f32>;
@group(0) @binding(2) var<storage, read> c2: array<f32>;
@group(0) @binding(3) var<storage, read_write> v3: array<f32>;
var<workgroup> shared_sum_of: array<f32, 64>;
fn sum_of(t: u32, own: f32) -> f32 {
  shared_sum_of[t] = own;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (t < half) {
      let a = shared_sum_of[t];
      let b = shared_sum_of[t + half];
      shared_sum_of[t] = a + b;
    }
  }
  workgroupBarrier();
  let total = shared_sum_of[0];
  workgroupBarrier();
  return total;
}
fn store(i: u32, result: f32) {
  v3[i] = result;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let line = group.y * across + group.x;
  if (line >= lines) { return; }
  let count = count;
  let first = line * count;
  var own: f32 = 0.0;
  for (var n = t; n < count; n += 64u) { own += v0[first + n]; }
  let mean = sum_of(t, own) / f32(count);
  own = 0.0;
  for (var n = t; n < count; n += 64u) {
    let difference = v0[first + n] - mean;
    own += difference * difference;
  }
  let factor = inverseSqrt(sum_of(t, own) / f32(count) + epsilon);
  for (var n = t; n < count; n += 64u) {
    store(first + n, (v0[first + n] - mean) * factor * c2[n] + c1[n]);
  }
}
